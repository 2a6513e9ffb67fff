/* The portal's little script. Every page works without it, but for plots and graphs. */
"use strict";

(() => {

  /* Times are local, with UTC on hover. */
  const near = new Intl.DateTimeFormat(undefined, {
    year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit",
  });
  function localTimes(root) {
    for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
      const moment = new Date(time.dateTime);
      if (Number.isNaN(moment.valueOf())) continue;
      time.title = time.dateTime.replace("T", " ").replace(/(\.\d+)?(Z|\+00:00)$/, " UTC");
      time.textContent = near.format(moment);
      time.dataset.local = "";
    }
  }

  /* Theme: what the person chose is kept in a cookie, so that the server sends it with the page. */
  function setTheme(theme) {
    document.documentElement.dataset.theme = theme;
    document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
  }

  /* Dialogs: a button names the dialog it opens or closes; browsers that do not know that are helped. */
  function command(button) {
    const dialog = document.getElementById(button.getAttribute("commandfor"));
    if (button.getAttribute("command") === "close") dialog?.close();
    else dialog?.showModal();
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[commandfor]");
    if (button && !("commandForElement" in button)) command(button);
    if (event.target.closest("[data-theme-toggle]")) {
      const dark = getComputedStyle(document.documentElement).colorScheme.startsWith("dark")
        || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
      setTheme(dark ? "light" : "dark");
      for (const draw of plots) draw();
    }
  });

  /* Selections: a box in the head selects the rows, and what is selected is counted. */
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-selects]");
    if (!form) return;
    if (event.target.matches("[data-selects-all]")) {
      for (const box of form.querySelectorAll("input[data-row]")) box.checked = event.target.checked;
    }
    const chosen = form.querySelectorAll("input[data-row]:checked").length;
    for (const told of form.querySelectorAll("[data-chosen]")) told.textContent = String(chosen);
    for (const button of form.querySelectorAll("[data-needs-rows]")) button.disabled = chosen === 0;
  });
  document.addEventListener("input", (event) => {
    if (!event.target.matches("input[type=range]")) return;
    const shown = document.querySelector(`output[for="${event.target.id}"]`);
    if (shown) shown.textContent = event.target.value;
  });

  /* Keys: "/" searches, "g" and a letter goes to a page, "j" and "k" walk the rows, "?" tells them all. */
  let going = false;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, dialog, [contenteditable]")) return;
    if (going) {
      going = false;
      document.querySelector(`.nav a[data-key="${CSS.escape(event.key)}"]`)?.click();
      return;
    }
    if (event.key === "g") {
      going = true;
      setTimeout(() => { going = false; }, 1500);
    } else if (event.key === "/") {
      event.preventDefault();
      document.getElementById("search")?.focus();
    } else if (event.key === "?") {
      document.getElementById("keys")?.showModal();
    } else if (event.key === "j" || event.key === "k") {
      const rows = [...document.querySelectorAll("tbody tr a[data-open]")];
      const here = rows.indexOf(document.activeElement);
      rows[Math.min(rows.length - 1, Math.max(0, here + (event.key === "j" ? 1 : -1)))]?.focus();
    }
  });

  /* Plots: the data stands in the page, as JSON that nothing executes. */
  const plots = [];
  const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
  function color(name) {
    /* A canvas wants the colour itself: what a variable holds for both themes is worked out on an element. */
    const probe = document.createElement("i");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }
  function faint(name) {
    return color(name).replace(/^rgb\((.*)\)$/, "rgba($1, 0.15)");
  }
  function plot(place) {
    const data = JSON.parse(place.querySelector("script[type='application/json']").textContent);
    const target = document.createElement("div");
    place.append(target);
    let made = null;
    const draw = () => {
      made?.destroy();
      const axis = { stroke: color("--muted"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false } };
      made = new uPlot({
        width: place.clientWidth,
        height: Number(place.dataset.height || 180),
        cursor: { y: false },
        legend: { live: true },
        scales: { x: { time: data.time !== false }, y: { range: (u, low, high) => [0, Math.max(1, high)] } },
        axes: [axis, { ...axis, size: 46, values: (u, ticks) => ticks.map((tick) => compact.format(tick)) }],
        series: [
          {},
          ...data.series.map((one) => ({
            label: one.label,
            stroke: color(one.color || "--accent"),
            fill: one.filled ? faint(one.color || "--accent") : undefined,
            width: 2,
            spanGaps: true,
            points: { show: data.x.length < 3 || one.values.includes(null) },
          })),
        ],
      }, [data.x, ...data.series.map((one) => one.values)], target);
    };
    plots.push(draw);
    draw();
    new ResizeObserver(() => made?.setSize({
      width: place.clientWidth, height: Number(place.dataset.height || 180),
    })).observe(place);
  }

  /* The investigation graph; the same nodes stand as a list below it for keyboards and readers. */
  function graph(place) {
    const elements = JSON.parse(place.querySelector("script[type='application/json']").textContent);
    const canvas = document.createElement("div");
    canvas.className = "graph";
    place.append(canvas);
    const drawn = cytoscape({
      container: canvas,
      elements,
      layout: { name: "breadthfirst", directed: true, padding: 24, spacingFactor: 1.35 },
      style: [
        { selector: "node", style: {
          label: "data(label)", "text-wrap": "wrap", "text-max-width": 118, "text-overflow-wrap": "anywhere",
          "font-size": 10,
          color: color("--text"), "background-color": color("--quiet"), "text-valign": "bottom", "text-margin-y": 6,
          width: 34, height: 34,
        } },
        { selector: "node[verdict = 'malicious']", style: { "background-color": color("--bad"), shape: "triangle" } },
        { selector: "node[verdict = 'suspicious']", style: { "background-color": color("--doubt"), shape: "diamond" } },
        { selector: "node[verdict = 'no_threats_found']", style: { "background-color": color("--good") } },
        { selector: "node[kind = 'cluster']", style: { shape: "round-rectangle" } },
        { selector: "edge", style: {
          width: 1.5, "line-color": color("--line-strong"), "curve-style": "bezier", "target-arrow-shape": "triangle",
          "target-arrow-color": color("--line-strong"), label: "data(label)", "font-size": 9, color: color("--muted"),
          "text-rotation": "autorotate", "text-background-color": color("--sunken"), "text-background-opacity": 1,
        } },
        { selector: ":selected", style: { "border-width": 3, "border-color": color("--accent") } },
      ],
    });
    drawn.on("tap", "node", (event) => {
      const address = event.target.data("href");
      if (address && address.startsWith("/")) location.assign(address);
    });
  }

  /* Live parts: an element names the address of its newer self; it is asked again when something happens. */
  function live() {
    const parts = document.querySelectorAll("[data-live]");
    if (!parts.length || !window.EventSource) return;
    const source = new EventSource("/api/events");
    let waiting = null;
    const renew = () => {
      waiting = null;
      for (const part of document.querySelectorAll("[data-live]")) {
        htmx.ajax("GET", part.dataset.live, { target: part, swap: "outerHTML" });
      }
    };
    const happened = () => { waiting ??= setTimeout(renew, 400); };
    const names = document.querySelector("meta[name=events]")?.content.split(" ") ?? [];
    for (const name of names) source.addEventListener(name, happened);
    addEventListener("pagehide", () => source.close());
  }

  function ready(root) {
    localTimes(root);
    if (window.uPlot) for (const place of root.querySelectorAll("[data-plot]:not([data-drawn])")) {
      place.dataset.drawn = "";
      plot(place);
    }
    if (window.cytoscape) for (const place of root.querySelectorAll("[data-graph]:not([data-drawn])")) {
      place.dataset.drawn = "";
      graph(place);
    }
  }

  addEventListener("DOMContentLoaded", () => {
    ready(document);
    live();
    document.body.addEventListener("htmx:afterSettle", (event) => ready(event.target));
    document.body.addEventListener("htmx:configRequest", (event) => {
      const token = document.querySelector("meta[name=csrf]")?.content;
      if (token) event.detail.headers["X-CSRF-Token"] = token;
    });
  });
})();
