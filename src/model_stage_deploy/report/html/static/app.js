// Times in the reader's zone, dialogs, keys. Without it every link and form works all the same.
"use strict";
(() => {
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // Times: a server cannot know the reader's zone.
  const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
  const day = (date) => date.toLocaleDateString(undefined, { month: "short", day: "numeric", year: date.getFullYear() === new Date().getFullYear() ? undefined : "numeric" });
  const ago = new Intl.RelativeTimeFormat("en") /* never "yesterday": 47 hours ago it was not */;
  const steps = [["minute", 60, 3600], ["hour", 3600, 86400], ["day", 86400, 30 * 86400]];
  const since = (date) => {
    const seconds = (date - Date.now()) / 1000;
    if (Math.abs(seconds) < 60) return "just now";
    const step = steps.find(([, , below]) => Math.abs(seconds) < below);
    return step ? ago.format(Math.trunc(seconds / step[1]), step[0]) : day(date);
  };
  const tell = (within) => {
    for (const time of all("time[data-as]", within)) {
      const date = new Date(time.dateTime);
      if (isNaN(date)) continue;
      const as = time.dataset.as;
      time.textContent = as === "ago" ? since(date) : as === "full" ? full.format(date) : day(date);
      time.title = exact.format(date);
    }
    for (const label of all("text[data-time]", within)) {
      const date = new Date(label.dataset.time);
      const parts = label.textContent.trim().match(/^\d\d:\d\d(:\d\d)?$/);
      if (isNaN(date) || !parts) continue;
      label.textContent = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: parts[1] && "2-digit" });
    }
  };

  // Menus: beside their button where the browser cannot do it by itself.
  const beside = (event) => {
    const menu = event.target;
    if (!menu.matches?.(".menu") || CSS.supports("position-area: bottom")) return;
    const button = one(`[popovertarget="${CSS.escape(menu.id)}"]`);
    if (event.newState !== "open" || !button) return;
    const at = button.getBoundingClientRect();
    menu.style.margin = "0";
    menu.style.inset = "auto";
    menu.style.top = `${Math.max(8, Math.min(at.bottom + 4, innerHeight - menu.offsetHeight - 8))}px`;
    menu.style.left = `${Math.max(8, Math.min(at.right - menu.offsetWidth, innerWidth - menu.offsetWidth - 8))}px`;
  };
  document.addEventListener("toggle", beside, true);
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.(".menu");
    if (!menu || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
    const items = all("a", menu);
    const next = items.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    items[(next + items.length) % items.length].focus();
    event.preventDefault();
  });
  document.addEventListener("toggle", (event) => {
    if (event.newState === "open" && event.target.matches?.(".menu")) one("a", event.target)?.focus();
  }, true);

  // Keys: "/" goes to the filter; in the table up and down (or k and j) go from model to model.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches?.("input, select, textarea, [contenteditable]")) return;
    if (event.key === "/" && !one("dialog[open]")) {
      const filter = one("#filter-text, [data-filter]");
      if (filter) { filter.focus(); filter.select?.(); event.preventDefault(); }
    }
    if (event.target.matches?.("a[data-row]") && ["j", "k", "ArrowDown", "ArrowUp"].includes(event.key)) {
      const rows = all("a[data-row]");
      const to = rows[rows.indexOf(event.target) + (["j", "ArrowDown"].includes(event.key) ? 1 : -1)];
      if (to) { to.focus(); event.preventDefault(); }
    }
  });

  tell(document);
  setInterval(() => { if (!document.hidden) tell(document); }, 30000); // "3 minutes ago" does not stay true
  document.addEventListener("visibilitychange", () => { if (!document.hidden) tell(document); });
  const said = one("#said");
  let quiet;
  const say = (text) => {
    said.textContent = text;
    said.hidden = false;
    clearTimeout(quiet);
    quiet = setTimeout(() => { said.hidden = true; }, 8000);
  };

  // What follows needs a server behind the page.
  if (!window.htmx) return;
  const dialog = one("#dialog");
  const content = dialog && one("#dialog-content", dialog);
  let opener = null;
  let behind = false; // whether the page behind the dialog must be made anew
  const open = () => {
    if (!dialog.open) dialog.showModal();
    const title = one("h1, h2", content);
    if (title) {
      title.id ||= "dialog-title";
      dialog.removeAttribute("aria-label");
      dialog.setAttribute("aria-labelledby", title.id);
    }
    (one("[autofocus]", content) || one("input:not([type=hidden]), select, textarea, button, a[href]", content))?.focus();
  };
  document.addEventListener("click", (event) => {
    const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    const link = plain && event.target.closest("a[data-dialog]");
    if (link && dialog) {
      event.preventDefault();
      const menu = link.closest("[popover]");
      if (!dialog.open) opener = menu ? one(`[popovertarget="${CSS.escape(menu.id)}"]`) : link;
      menu?.hidePopover();
      htmx.ajax("GET", link.getAttribute("href"), { source: link, target: "#dialog-content", swap: "innerHTML" })?.catch(() => {});
    } else if (plain && dialog?.open && (event.target.closest("[data-close]") || event.target === dialog)) {
      event.preventDefault();
      dialog.close();
    }
  });
  dialog?.addEventListener("close", () => {
    if (behind) return location.reload();
    content.replaceChildren();
    const back = opener && (opener.isConnected ? opener : one(`a[href="${CSS.escape(opener.getAttribute("href") || "")}"], [popovertarget="${CSS.escape(opener.getAttribute("popovertarget") || "")}"]`));
    (back || one("#content"))?.focus();
    opener = null;
  });

  // What is confirmed is what is shown: who changes a field sees first what would happen then.
  document.addEventListener("change", (event) => {
    const confirm = event.target.closest("#dialog-form [hx-post]") && one("#confirm");
    if (confirm) confirm.disabled = true;
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (xhr.status < 400) return;
    event.detail.shouldSwap = true;
    if (!/^\s*<!doctype/i.test(xhr.responseText)) return;
    if (!dialog) { event.detail.shouldSwap = false; say("That did not work."); return; }
    event.detail.target = content;
    event.detail.swapOverride = "innerHTML";
    event.detail.selectOverride = "#message";
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target === content) open();
  });
  document.addEventListener("htmx:load", (event) => tell(event.detail.elt.parentElement || document));
  for (const lost of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(lost, () => say("The server does not answer. Is the program still running in its terminal?"));
  }
  // As long as something is being deployed, its place in the table is looked at again.
  setInterval(() => {
    if (document.hidden || !one("#models .badge.busy")) return;
    for (const asking of all("#models [data-states]")) htmx.trigger(asking, "again");
  }, 15000);
  document.addEventListener("registry-changed", () => {
    if (!dialog) return; // a dialog that is a page of its own has nothing behind it
    const part = one("#models") ? "#models" : "#content";
    behind = part === "#models" && !one("#filters"); // the first model: the page had no filter yet
    htmx.ajax("GET", location.href, { source: document.body, target: part, select: part, swap: "outerHTML" })?.catch(() => {});
  });
})();
