// Runs before everything else of the page.
(function () {
  // A chosen theme that arrived with the main module would flash the other one first.
  try {
    var chosen = localStorage.getItem("rollcall.theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch (error) {
    // Storage can be forbidden; the system's theme is the answer then.
  }

  // A main module that does not come (the server is going down, or up) would leave an empty document.
  addEventListener(
    "error",
    function (event) {
      if (!(event.target instanceof HTMLScriptElement)) return;
      var german = /^de\b/.test(navigator.language);
      var root = document.getElementById("root");
      root.style.cssText = "padding: 15vh 24px; text-align: center";
      root.textContent = german
        ? "Keine Verbindung. Die Seite kommt von selbst, sobald es geht."
        : "Not connected. The page comes by itself as soon as it can.";
      setInterval(function () {
        fetch("/healthz", { cache: "no-store" }).then(
          function (answer) {
            if (answer.ok) location.reload();
          },
          function () {},
        );
      }, 3000);
    },
    true,
  );
})();
