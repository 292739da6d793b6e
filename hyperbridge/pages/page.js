// Draws the figures of a page in its colours, and again when these or the width change.
(function () {
  "use strict";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const narrow = window.matchMedia("(max-width: 600px)");
  const figures = Array.from(document.querySelectorAll("figure.drawing"), function (figure) {
    return {
      canvas: figure.querySelector(".canvas"),
      text: figure.querySelector("script").textContent,
    };
  });

  // A colour of Optuna's, light to dark, as one that begins dark and ends light.
  function onDark(colour) {
    const parts = String(colour).match(/\d+(\.\d+)?/g);
    if (!dark.matches || !parts || !/^rgb/.test(colour)) return colour;
    const light = (0.3 * parts[0] + 0.59 * parts[1] + 0.11 * parts[2]) / 255;
    const strength = Math.min(1, Math.max(0, (0.97 - light) / 0.8));
    const mixed = [[58, 150], [74, 208], [96, 255]].map(function (ends) {
      return Math.round(ends[0] + strength * (ends[1] - ends[0]));
    });
    return "rgb(" + mixed.join(",") + ")";
  }

  function template() {
    const style = window.getComputedStyle(document.documentElement);
    const of = function (name) { return style.getPropertyValue(name).trim(); };
    const axis = {
      gridcolor: of("--figure-grid"), zerolinecolor: of("--figure-grid"),
      linecolor: of("--figure-axis"), tickcolor: of("--figure-axis"), automargin: true,
    };
    return { layout: {
      paper_bgcolor: of("--panel"), plot_bgcolor: of("--panel"),
      font: { color: of("--text"), size: 12, family: "system-ui, sans-serif" },
      colorway: dark.matches
        ? ["#6cb2f5", "#f2935c", "#7fd08a", "#e58bb5", "#c9b458", "#a59be8"]
        : ["#2a6fb5", "#c4511d", "#2f8a45", "#b03a7a", "#8a6d00", "#6552c4"],
      xaxis: axis, yaxis: axis, hovermode: "closest",
      hoverlabel: { bgcolor: of("--ground"), bordercolor: of("--line"), font: { color: of("--text") } },
    } };
  }

  function themed(text, shared) {
    const drawing = JSON.parse(text);
    const layout = drawing.layout;
    delete layout.title; delete layout.width; delete layout.height;
    delete layout.paper_bgcolor; delete layout.plot_bgcolor;
    layout.template = shared;
    layout.autosize = true;
    layout.dragmode = narrow.matches ? false : "zoom";
    layout.margin = Object.assign({ l: 48, r: 16, t: 24, b: 44 }, layout.margin);
    layout.legend = Object.assign(
      { orientation: "h", x: 0, y: 1.02, xanchor: "left", yanchor: "bottom" }, layout.legend);
    (layout.annotations || []).forEach(function (note) {
      note.font = Object.assign({}, note.font, { color: shared.layout.font.color });
      if (note.bgcolor) note.bgcolor = shared.layout.paper_bgcolor;
    });
    (drawing.data || []).forEach(function (trace) {
      const marker = trace.marker || {};
      if (trace.line && trace.line.color) trace.line.color = onDark(trace.line.color);
      [marker, trace.line || {}].forEach(function (part) {
        if (Array.isArray(part.colorscale)) {
          part.colorscale = part.colorscale.map(function (stop) {
            return [stop[0], onDark(stop[1])];
          });
        }
      });
      if (marker.colorbar) {
        marker.colorbar = Object.assign({}, marker.colorbar,
          { thickness: narrow.matches ? 8 : 12, xpad: 6, outlinewidth: 0 });
      }
    });
    return drawing;
  }

  function draw(each, shared) {
    const drawing = themed(each.text, shared);
    const options = { responsive: true, displaylogo: false, scrollZoom: false,
      displayModeBar: each.canvas.clientWidth < 500 ? false : "hover",
      plotlyServerURL: "", showSendToCloud: false, showEditInChartStudio: false,
      modeBarButtonsToRemove: ["select2d", "lasso2d", "sendDataToCloud", "sendChartToCloud"] };
    return window.Plotly.react(each.canvas, drawing.data, drawing.layout, options);
  }

  function drawAll() {
    const shared = template();
    return figures.reduce(function (before, each) {
      return before.then(function () { return draw(each, shared); });
    }, Promise.resolve()).then(function () { document.documentElement.dataset.drawn = "yes"; });
  }

  dark.addEventListener("change", drawAll);
  narrow.addEventListener("change", drawAll);
  drawAll();
})();
