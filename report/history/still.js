// A page of drawings alone: there is no chart for `themes.js` to paint again.
"use strict";
const figures = { charts: [] };
