// The page of a history: its themes. Without this script it follows the system, and says the same.
"use strict";
themes.offer();
