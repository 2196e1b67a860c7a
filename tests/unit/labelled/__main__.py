"""Print how well duplicates and hygiene judge the labelled cases."""

from tests.unit.labelled import score_duplicates, score_hygiene

for name in ("duplicates", "duplicates_held_out"):
    score = score_duplicates(name)
    print(f"{name}: {score}")
    for wrong in score.wrong:
        print(f"    {wrong}")
for name in ("hygiene", "hygiene_held_out"):
    for rule, score in sorted(score_hygiene([name]).items()):
        print(f"{name}, {rule}: {score}")
        for wrong in score.wrong:
            print(f"    {wrong}")
