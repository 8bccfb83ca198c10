// What only a static report needs: find a model in it, and in one file show one model at a time. Without this file all
// is there: pages with links, or one long page.
"use strict";
(() => {
  const MOST = 100;

  // One file: the part that the address names, else the table of models.
  const parts = [...document.querySelectorAll("[data-page]")];
  const show = () => {
    let named = null;
    try {
      named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    } catch {
      // an address that somebody broke names nothing
    }
    const part = named?.closest("[data-page]") ?? parts[0];
    for (const other of parts) other.hidden = other !== part;
    if (named) named.scrollIntoView();
    else window.scrollTo(0, 0);
    const heading = part.querySelector("h1");
    if (heading) document.title = `${heading.firstChild.textContent.trim()} · ${place}`;
  };
  const place = document.title.split(" · ").slice(1).join(" · ");
  if (parts.length) {
    window.addEventListener("hashchange", show);
    show();
  }

  // The filter. The table on this page is filtered row by row; in a report of several pages all models are looked through.
  const everywhere = typeof modelsOfReport === "undefined" ? null : modelsOfReport;
  const build = (box) => {
    const rows = () => [...document.querySelectorAll("#models tbody tr")];
    const label = document.createElement("label");
    const words = document.createElement("span");
    words.className = "sr";
    words.textContent = "Filter models";
    const input = document.createElement("input");
    input.type = "search";
    input.placeholder = "Filter by name or type";
    input.autocomplete = "off";
    input.spellcheck = false;
    input.setAttribute("data-filter", "");
    label.append(words, input);
    label.className = "search";
    const told = document.createElement("p");
    told.className = "tiny";
    told.setAttribute("role", "status");
    const list = document.createElement("ul");
    list.className = "report-found";
    list.hidden = true;
    box.append(label, told, list);
    box.hidden = false;

    const onThisPage = (text) => {
      let found = 0;
      for (const row of rows()) {
        row.hidden = text !== "" && !row.cells[0].textContent.toLowerCase().includes(text);
        if (!row.hidden) found += 1;
      }
      return found;
    };
    const everyModel = (text) => {
      const found = text === "" ? [] : everywhere.filter(([name, type]) => `${name} ${type}`.toLowerCase().includes(text));
      list.replaceChildren(...found.slice(0, MOST).map(entry));
      list.hidden = text === "";
      document.getElementById("models").hidden = text !== "";
      return found.length;
    };
    input.addEventListener("input", () => {
      const text = input.value.trim().toLowerCase();
      const found = everywhere ? everyModel(text) : onThisPage(text);
      told.textContent = text === "" ? "" : `${found} found${everywhere && found > MOST ? `, the first ${MOST} shown` : ""}`;
    });
  };
  const entry = ([name, type, latest, stages, address, deprecated]) => {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = address;
    link.textContent = name;
    const held = stages.map(([stage, version]) => `${stage} ${version}`);
    const rest = [type, latest && `latest ${latest}`, ...held, deprecated && "deprecated"].filter(Boolean);
    item.append(link, ` ${rest.join(" · ")}`);
    return item;
  };
  for (const box of document.querySelectorAll("[data-report-filter]")) build(box);
})();
