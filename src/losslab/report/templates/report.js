"use strict";
(() => {
  const themes = {
    light: { text: "#1b1f24", grid: "#e3e7eb", line: "#9aa4ae", label: "#ffffff", note: "rgba(255,255,255,0.85)",
             shares: [[0, "#f3f6f9"], [0.02, "#cfe3f1"], [1, "#0072b2"]] },
    dark: { text: "#e6e9ec", grid: "#2f363d", line: "#6b7580", label: "#1f242a", note: "rgba(20,23,27,0.85)",
            shares: [[0, "#1a1f24"], [0.02, "#173a52"], [1, "#0072b2"]] },
  };
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const source = document.getElementById("figures");
  const figures = source ? JSON.parse(source.textContent) : [];

  function template(theme) {
    const axis = { gridcolor: theme.grid, linecolor: theme.line, zerolinecolor: theme.line, tickcolor: theme.line,
                   title: { font: { size: 13 } } };
    return { data: { heatmap: [{ colorscale: theme.shares }] }, layout: {
      font: { color: theme.text, family: "system-ui, sans-serif", size: 13 },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", xaxis: axis, yaxis: axis,
      annotationdefaults: { bgcolor: theme.note, borderpad: 1 },
      hoverlabel: { bgcolor: theme.label, font: { color: theme.text }, bordercolor: theme.line },
    } };
  }

  // On paper nothing tells a chart that its place became narrower, so its width (in CSS pixels, for A4) is given.
  function draw(theme, paper = false) {
    for (const { name, data, layout } of figures) {
      const place = document.getElementById("chart-" + name);
      const themed = { ...layout, template: template(theme), autosize: !paper };
      const small = place.closest(".grid");
      if (paper) themed.width = small ? 320 : place.closest(".half") ? 540 : 660;
      if (paper && small) themed.height = 220; // as in report.css
      Plotly.react(place, data, themed, { responsive: true, displayModeBar: false });
    }
  }

  const screen = () => (dark.matches ? themes.dark : themes.light);
  if (figures.length) {
    draw(screen());
    dark.addEventListener("change", () => draw(screen()));
    window.addEventListener("beforeprint", () => draw(themes.light, true));
    window.addEventListener("afterprint", () => draw(screen()));
  }

  async function copy(button) {
    const from = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(from.textContent);
      button.textContent = "Copied";
    } catch {
      const range = document.createRange();
      range.selectNodeContents(from);
      const selection = window.getSelection();
      selection.removeAllRanges();
      selection.addRange(range);
      button.textContent = "Selected: press Ctrl+C";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2500);
  }
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.addEventListener("click", () => copy(button));
  }
})();
