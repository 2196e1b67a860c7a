"""The twenty-five tests that the widget must have, and where each of them is."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
LATER = {14: "the old addresses of La bonne alternance come with their own issue"}
MUST_HAVE: dict[int, tuple[str, ...]] = {
    1: (
        "browser/test_examples.py::test_without_javascript_every_card_is_there",
        "browser/test_loader.py::test_a_link_stands_in_for_the_element_where_scripts_are_off",
        "browser/test_loader.py::test_one_script_leaves_nothing_where_scripts_are_off",
    ),
    2: (
        "browser/test_host_page.py::test_what_stands_below_form_a_stays_where_it_is",
        "browser/test_host_page.py::test_the_height_that_a_form_reserves_keeps_the_page_still",
    ),
    3: (
        "browser/test_loader.py::test_three_widgets_are_three",
        "browser/test_loader.py::test_the_script_twice_is_the_script_once",
        "browser/other_engines.py::test_three_widgets_have_their_own_heights_and_the_script_twice_is_once",
    ),
    4: (
        "browser/test_loader.py::test_every_form_shows_the_list_at_its_height_and_says_so_once",
        "browser/test_loader.py::test_a_loader_that_comes_last_is_told_everything",
        "browser/test_loader.py::test_a_lazy_frame_below_the_window_waits_without_complaint",
        "browser/test_loader.py::test_a_slow_frame_is_not_given_up_before_it_is_there",
        "browser/test_loader.py::test_an_attribute_that_changes_before_the_frame_answers_is_not_lost",
        "browser/other_engines.py::test_the_loader_first",
        "browser/other_engines.py::test_the_frame_first",
        "browser/other_engines.py::test_a_lazy_frame_that_comes_into_sight",
        "browser/other_engines.py::test_a_slow_frame_and_an_attribute_that_changes_before_it_answers",
    ),
    5: (
        "browser/test_loader.py::test_an_element_that_is_moved_keeps_the_search_of_the_visitor",
        "browser/test_loader.py::test_a_value_that_the_server_corrects_is_asked_for_once",
    ),
    6: (
        "browser/test_loader.py::test_a_message_of_somebody_else_changes_nothing",
        "browser/test_loader.py::test_a_message_of_another_shape_changes_nothing",
        "browser/test_loader.py::test_a_height_that_is_no_number_changes_nothing",
        "browser/test_loader.py::test_the_frame_follows_a_height_within_bounds",
        "browser/test_loader.py::test_a_frame_obeys_only_the_page_around_it",
    ),
    7: (
        "browser/test_loader.py::test_no_form_breaks_a_strict_policy",
        "browser/test_map.py::test_the_map_breaks_neither_the_policy_of_the_page_nor_that_of_the_frame",
    ),
    8: (
        "browser/test_framing.py::test_a_registered_site_is_known_however_its_address_is_written",
        "browser/test_framing.py::test_another_name_of_the_same_machine_is_another_site",
        "browser/test_framing.py::test_another_origin_is_refused_however_much_it_looks_the_same",
        "browser/test_framing.py::test_a_page_around_the_partner_s_page_has_to_be_registered_too",
        "browser/test_framing.py::test_an_unknown_partner_gets_a_notice_that_does_nothing",
    ),
    9: (
        "browser/test_loader.py::test_several_attributes_are_one_new_search_and_no_entry_in_the_history",
        "browser/test_walk.py::test_five_filters_leave_the_history_as_it_was_and_back_leaves_the_page",
        "browser/other_engines.py::test_searches_leave_the_history_as_it_was_and_back_leaves_the_page",
    ),
    10: (
        "browser/test_examples.py::test_nobody_but_the_partner_and_the_widget_is_asked_and_nothing_is_stored",
        "browser/test_loader.py::test_where_storage_is_blocked_everything_works",
        "browser/test_loader.py::test_without_allow_same_origin_the_list_is_there_at_the_height_that_was_reserved",
    ),
    11: (
        "browser/test_loader.py::test_a_frame_in_a_hidden_tab_gets_its_height_when_it_is_shown",
        "browser/test_loader.py::test_a_list_that_never_settles_is_frozen_and_said_once",
        "contract/test_page.py::test_nothing_grows_with_the_window",
    ),
    12: (
        "contract/test_random_parameters.py",
        "unit/test_query.py::test_a_row_takes_its_example_its_default_its_bounds_and_its_choices",
        "unit/test_query.py::test_a_row_says_what_is_wrong_with_everything_else_and_what_would_be_right",
        "unit/test_query.py::test_zero_zero_is_a_place",
    ),
    13: (
        "unit/test_generated.py::test_a_generated_file_is_up_to_date",
        "contract/test_integrators.py::test_the_form_has_a_field_for_every_parameter_that_can_be_pasted",
        "contract/test_integrators.py::test_every_parameter_event_command_and_code_is_documented_once",
    ),
    15: ("contract/test_page.py::test_hostile_texts_stay_texts",),
    16: ("contract/test_source_states.py", "contract/test_page.py::test_each_state_says_what_it_is"),
    17: (
        "browser/test_walk.py::test_a_whole_visit_needs_no_mouse",
        "browser/test_map.py::test_the_keyboard_reaches_everything_and_escape_gives_the_focus_back",
        "browser/test_list.py::test_a_page_link_shows_the_next_page_and_leads_to_its_first_card",
    ),
    18: (
        "browser/test_states.py::test_axe_finds_nothing",
        "browser/test_examples.py::test_axe_finds_nothing_on_the_page_nor_in_its_frames",
        "browser/test_map.py::test_axe_finds_nothing_on_the_map_nor_on_the_plan",
    ),
    19: (
        "unit/test_colour.py::test_every_pair_of_colours_can_be_read_for_any_accent",
        "browser/test_states.py::test_nothing_moves",
    ),
    20: ("browser/test_released_loaders.py::test_a_released_loader_works_with_the_page_of_today",),
    21: (
        "unit/test_budgets.py::test_what_is_built_stays_within_its_budget",
        "contract/test_page.py::test_a_page_of_twenty_cards_fits_its_budget",
        "browser/test_list.py::test_the_list_is_one_request_and_its_deferred_script",
    ),
    22: (
        "contract/test_released_loaders.py::test_a_released_loader_is_what_its_integrity_says_and_never_changes",
        "browser/test_released_loaders.py::test_another_hash_than_the_file_s_keeps_the_loader_out_and_the_list_in",
    ),
    23: ("browser/test_states.py::test_a_printed_list_holds_every_card",),
    24: (
        "contract/test_kept_answers.py::test_a_page_of_no_partner_is_a_notice_inside_a_frame_and_never_mixed_with_it",
    ),
    25: ("browser/other_engines.py::test_a_tour_of_sizes_events_a_new_search_and_the_map",),
}
"""A file alone stands for all of its tests. What `make engines` runs is in `other_engines.py`."""


def test_every_number_is_claimed():
    assert sorted([*MUST_HAVE, *LATER]) == list(range(1, 26))


@pytest.mark.parametrize("number", MUST_HAVE)
def test_what_claims_a_number_exists(number):
    for claim in MUST_HAVE[number]:
        file, _, name = claim.partition("::")
        tree = ast.parse((TESTS / file).read_text("utf-8"))
        names = {part.name for part in ast.walk(tree) if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert any(found.startswith("test_") for found in names) if not name else name in names, claim
