// Runs before everything else of the page.
(function () {
  // A chosen theme that arrived with the main module would flash the other one first.
  try {
    var chosen = localStorage.getItem("rollcall.theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch (error) {
    // Storage can be forbidden; the system's theme is the answer then.
  }

  // What every page asks first is on its way while the page's code is. With a token in the address nobody is signed in
  // yet, and to whom the server does not know it says no day.
  if (!/^#.*token=/.test(location.hash)) {
    var ask = function (path) {
      return fetch(path, { headers: { Accept: "application/json" } });
    };
    var session = ask("/v1/session");
    var asked = (window.askedFirst = { "/v1/session": session });
    var zone = new URLSearchParams(location.search).get("tz");
    if (zone) {
      var calendar = "/v1/calendar?" + new URLSearchParams({ timezone: zone });
      asked[calendar] = session
        .then(function (answer) {
          return answer.clone().json();
        })
        .then(function (me) {
          return me && ask(calendar);
        });
      asked[calendar].catch(function () {});
    }
    session.catch(function () {});
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
