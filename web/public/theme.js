// Runs before the first paint: a chosen theme that arrived with the main module would flash the other one first.
(function () {
  try {
    var chosen = localStorage.getItem("rollcall.theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch (error) {
    // Storage can be forbidden; the system's theme is the answer then.
  }
})();
