"use strict";(()=>{document.querySelector("[data-filters]");})();
