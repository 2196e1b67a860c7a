/**
 * The list without reload: the filters and the page links fetch the next page and put it in the place of this one.
 * @module
 */
document.querySelector('[data-filters]');
