"use strict";
// Tables marked `data-sort` get a button in each head; tables with views get a select. Nothing depends on it.
for (const table of document.querySelectorAll("table[data-sort], table[data-views]")) {
  const bodies = [...table.tBodies];
  const said = document.createElement("p");
  said.setAttribute("role", "status");
  said.className = "faint";
  table.parentElement.after(said);

  const select = table.hasAttribute("data-views") ? table.parentElement.previousElementSibling.querySelector("select") : null;
  if (select) {
    table.classList.add("scripted");
    table.parentElement.previousElementSibling.classList.add("scripted");
    const show = () => bodies.forEach((body, place) => { body.hidden = place !== select.selectedIndex; });
    select.addEventListener("change", () => { show(); said.textContent = "Shown: " + select.selectedOptions[0].textContent; });
    show();
  }
  if (!table.hasAttribute("data-sort")) continue;

  const heads = [...table.tHead.rows[0].cells];
  const key = (row, column) => {
    const cell = row.cells[column];
    if (cell.dataset.number !== undefined) return Number(cell.dataset.number);
    return cell.dataset.text;
  };
  const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  const sort = (column, sign) => {
    for (const body of bodies) {
      const rows = [...body.rows].filter((row) => !row.classList.contains("view"));
      const known = rows.filter((row) => key(row, column) !== "");
      known.sort((a, b) => sign * compare(key(a, column), key(b, column)));
      body.append(...known, ...rows.filter((row) => key(row, column) === "")); // what was not measured stays last
    }
  };
  heads.forEach((head, column) => {
    const name = head.textContent;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    head.replaceChildren(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const rising = head.getAttribute("aria-sort") !== "ascending";
      for (const other of heads) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", rising ? "ascending" : "descending");
      sort(column, rising ? 1 : -1);
      said.textContent = "Sorted by " + name + (rising ? ", rising" : ", falling");
    });
  });
}
// What is folded is printed too.
const folds = document.getElementsByTagName("details");
let closed = [];
addEventListener("beforeprint", () => { closed = [...folds].filter((fold) => !fold.open); closed.forEach((fold) => { fold.open = true; }); });
addEventListener("afterprint", () => { closed.forEach((fold) => { fold.open = false; }); });
