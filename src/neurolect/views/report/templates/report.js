"use strict";
// Corpus text reaches the page as text only: textContent here, escaped templates for the cards.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const ADDRESS = 0, SIDE = 1, NAME = 2, KIND = 3, Z = 4, FIDELITY = 5, WORDS = 6, TEXT = 7, PER_PAGE = 50;
  const $ = (id) => document.getElementById(id);
  const cards = new Set(data.cards);
  const collator = new Intl.Collator("en", { numeric: true });
  const haystacks = data.rows.map((row) => [row[ADDRESS], row[NAME], row[WORDS]].join("\n").toLowerCase());
  const layerOf = (row) => row[ADDRESS].slice(0, row[ADDRESS].lastIndexOf("."));
  const state = { sort: Z, descending: true, page: 0, found: [] };

  // Of a list: [activation, sentence], the strongest first; nothing where the page would be too large.
  const strongest = (i) => {
    const flat = data.strongest ? data.strongest[i] : [], found = [];
    for (let at = 0; at < flat.length; at += 2) found.push([flat[at], data.texts[flat[at + 1]]]);
    return found;
  };

  const element = (name, text, className) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  };

  const fill = (select, values) => values.forEach((value) => {
    const option = element("option", value);
    option.value = value;
    select.append(option);
  });

  const compare = (a, b) => {
    const column = state.sort;
    let x = data.rows[a][column], y = data.rows[b][column];
    let order;
    if (column === Z || column === FIDELITY) order = (x ?? -Infinity) - (y ?? -Infinity);
    else if (column === KIND) order = collator.compare(data.kinds[x], data.kinds[y]);
    else order = collator.compare(x, y);
    return (state.descending ? -order : order) || a - b;
  };

  const search = () => {
    const terms = $("query").value.toLowerCase().split(/\s+/).filter(Boolean);
    const kind = $("kind").value, layer = $("layer").value, side = $("side").value;
    state.found = [];
    data.rows.forEach((row, i) => {
      if (kind && data.kinds[row[KIND]] !== kind) return;
      if (layer && layerOf(row) !== layer) return;
      if (side && row[SIDE] !== side) return;
      if (terms.every((term) => haystacks[i].includes(term))) state.found.push(i);
    });
    state.found.sort(compare);
    state.page = 0;
    document.querySelectorAll("[data-kind]").forEach((button) =>
      button.setAttribute("aria-pressed", String(kind !== "" && button.dataset.kind === kind)));
    render();
  };

  const rowOf = (i) => {
    const row = data.rows[i];
    const line = element("tr");
    const link = element("a", row[ADDRESS], cards.has(row[ADDRESS]) ? "whole" : "");
    link.href = "#" + row[ADDRESS];
    const first = element("td");
    first.append(link);
    const last = element("td", row[WORDS].split(" ").join(", "));
    const text = row[TEXT] || strongest(i).map((each) => each[1])[0];
    if (text) last.append(element("span", text));
    line.append(first, element("td", row[SIDE], row[SIDE]), element("td", row[NAME]),
      element("td", data.kinds[row[KIND]]), element("td", row[Z] === null ? "\u2013" : row[Z].toFixed(1)));
    if (data.scored) line.append(element("td", row[FIDELITY] === null ? "\u2013" : row[FIDELITY].toFixed(2)));
    line.append(last);
    line.addEventListener("click", (event) => {
      if (!event.target.closest("a") && !String(getSelection())) link.click();
    });
    return line;
  };

  const render = () => {
    const n = state.found.length, pages = Math.max(1, Math.ceil(n / PER_PAGE));
    const start = state.page * PER_PAGE;
    document.querySelector("#list tbody").replaceChildren(...state.found.slice(start, start + PER_PAGE).map(rowOf));
    $("count").textContent = n === data.rows.length
      ? `${n.toLocaleString("en")} lists`
      : `${n.toLocaleString("en")} of ${data.rows.length.toLocaleString("en")} lists`;
    $("page").textContent = `Page ${state.page + 1} of ${pages.toLocaleString("en")}`;
    $("before").disabled = state.page === 0;
    $("after").disabled = state.page >= pages - 1;
    document.querySelectorAll("[data-sort]").forEach((button) => {
      const sorted = Number(button.dataset.sort) === state.sort;
      if (sorted) button.parentElement.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
      else button.parentElement.removeAttribute("aria-sort");
    });
  };

  // A neuron without a whole card: what the list knows of it, and the command for the rest.
  const brief = (address) => {
    const card = element("article", undefined, "card");
    card.append(element("h2", address, "address"));
    data.rows.forEach((row, i) => {
      if (row[ADDRESS] !== address) return;
      const side = element("section", undefined, "side " + row[SIDE]);
      const title = element("h3");
      title.append(element("span", row[SIDE], "badge"), " " + row[NAME]);
      const list = element("ol", undefined, "examples");
      const head = [["words", row[WORDS].split(" ").join(", ")], ["typical", row[TEXT]]].filter(([, text]) => text);
      [...head, ...strongest(i)].forEach(([label, text], at) => {
        const item = element("li", undefined, at < head.length ? "typical" : "");
        item.append(element("span", label, "value"), element("p", text));
        list.append(item);
      });
      const z = row[Z] === null ? "" : `, z ${row[Z].toFixed(1)}`;
      const truth = row[FIDELITY] === null ? "" : `, fidelity ${row[FIDELITY].toFixed(2)}`;
      side.append(title, element("p", data.kinds[row[KIND]] + z + truth, "dim"), list);
      card.append(side);
    });
    const more = element("p", "The whole card: ", "dim");
    more.append(element("code", `neurolect show ${data.run} ${address}`), "; all cards: ",
      element("code", `neurolect export ${data.run} --to site --out FOLDER`));
    card.append(more);
    return card;
  };

  const dialog = $("dialog");
  const known = new Set(data.rows.map((row) => row[ADDRESS]));
  const shownAddress = () => decodeURIComponent(location.hash.slice(1));
  const neighbours = () => {
    const order = [...new Set(state.found.map((i) => data.rows[i][ADDRESS]))];
    const at = order.indexOf(shownAddress());
    return at < 0 ? [undefined, order[0]] : [order[at - 1], order[at + 1]];
  };

  const route = () => {
    const address = shownAddress();
    if (!known.has(address)) {
      if (dialog.open) dialog.close();
      return;
    }
    const template = $("card-" + address);
    $("shown").replaceChildren(template ? template.content.cloneNode(true) : brief(address));
    const [before, after] = neighbours();
    $("previous").disabled = !before;
    $("next").disabled = !after;
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
  };

  const step = (direction) => {
    const target = neighbours()[direction];
    if (target) location.hash = target;
  };

  fill($("kind"), data.kinds);
  fill($("layer"), [...new Set(data.rows.map(layerOf))]);
  document.querySelector("form.tools").addEventListener("submit", (event) => event.preventDefault());
  let waiting;
  $("query").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(search, 60); });
  ["kind", "layer", "side"].forEach((id) => $(id).addEventListener("change", search));
  $("before").addEventListener("click", () => { state.page -= 1; render(); });
  $("after").addEventListener("click", () => { state.page += 1; render(); });
  document.querySelectorAll("[data-sort]").forEach((button) => button.addEventListener("click", () => {
    const column = Number(button.dataset.sort);
    state.descending = column === state.sort ? !state.descending : column === Z || column === FIDELITY;
    state.sort = column;
    search();
  }));
  document.querySelectorAll("[data-kind]").forEach((button) => button.addEventListener("click", () => {
    $("kind").value = $("kind").value === button.dataset.kind ? "" : button.dataset.kind;
    search();
    $("neurons").scrollIntoView();
  }));
  $("previous").addEventListener("click", () => step(0));
  $("next").addEventListener("click", () => step(1));
  $("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => {
    if (known.has(shownAddress())) history.replaceState(null, "", location.pathname + location.search);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !dialog.open && !/^(INPUT|SELECT)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      $("query").focus();
    }
    if (dialog.open && event.key === "ArrowLeft") step(0);
    if (dialog.open && event.key === "ArrowRight") step(1);
  });
  addEventListener("hashchange", route);
  search();
  route();
})();
