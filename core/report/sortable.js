"use strict";
// A click on a heading sorts the table's rows by that column, a second one the other way round.
const table = document.querySelector("table[data-sortable]");
const headings = [...table.tHead.rows[0].cells];
const compared = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
headings.forEach((heading, column) => {
  const valueOf = (row) => row.cells[column].dataset.by ?? row.cells[column].textContent.trim();
  heading.querySelector("button").addEventListener("click", () => {
    const way = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    headings.forEach((one) => one.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", way === 1 ? "ascending" : "descending");
    const rows = [...table.tBodies[0].rows];
    rows.sort((first, second) => way * compared.compare(valueOf(first), valueOf(second)));
    table.tBodies[0].append(...rows);
  });
});
