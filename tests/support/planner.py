"""Censuses, settings and the page of the planner, as its tests read them."""

from equipoise import Census, Plan
from equipoise.rates import Equal, Temperature
from equipoise.weights import Power

SMALL = Census.from_counts(
    {"large": {"no": 4500, "yes": 490, "rare": 10}, "open": 60, "single": {"only": 1}, "tiny": {"a": 3, "b": 1}}
)


def built(census, temperature, gamma, max_passes, draws):
    rates = Equal() if temperature is None else Temperature(temperature)
    return Plan.build(census, rates, Power(gamma), max_passes=max_passes, draws=draws)


def at(page):
    """Where the sliders stand, read off the page."""
    script = """() => {
      const { stops } = JSON.parse(document.getElementById("planner-data").textContent);
      const at = (name) => stops[name][document.getElementById("planner-" + name).value];
      return ["temperature", "gamma", "maxPasses", "draws"].map(at);
    }"""
    temperature, gamma, max_passes, draws = page.evaluate(script)
    return temperature, gamma, max_passes, draws


def cells(page, table):
    """The texts of a table's rows, once the page has drawn what was asked."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.locator(f"#planner-{table} tbody tr").evaluate_all(
        "(rows) => rows.map((row) => [...row.cells].map((cell) => cell.innerText.trim().split('\\n')[0]))"
    )
