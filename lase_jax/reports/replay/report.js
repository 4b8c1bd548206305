// The report of a run or a sweep: facts, tables, learning curves and settings.

/** A table whose columns of words stand on the left, those of numbers on the right. */
function reportTable({ caption, headings, rows }) {
  const isText = headings.map((_, column) => rows.some((cells) => /^[^\d–−-]/.test(cells[column])));
  const drawn = table(headings, rows.map(([first, ...cells]) => row(first, cells)), caption);
  for (const line of drawn.rows) {
    [...line.cells].forEach((cell, column) => cell.classList.toggle("text", isText[column]));
  }
  return drawn;
}

function showReport(report) {
  find("report").hidden = false;
  find("settings").hidden = false;
  find("facts").replaceChildren(...report.facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
  find("tables").replaceChildren(...report.tables.map(reportTable));
  find("courses").replaceChildren(...report.courses.map((course) => {
    const lines = course.lines.map((line) => ({ ...line, mean: line.mean.values, low: line.low.values, high: line.high.values }));
    const drawn = chart({ ...course, lines, x: course.x.values, xlabel: "environment steps per seed" }, (index) => drawn.cursor(index));
    drawn.cursor(course.x.values.length - 1);
    return drawn.element;
  }));
  find("setting-table").replaceChildren(table(["setting", "value"], report.settings.map(([name, value]) => row(name, [value]))));
}
