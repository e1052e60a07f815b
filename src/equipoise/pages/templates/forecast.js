// What a plan draws: Plan.build(census, Temperature(T) or Equal(), Power(gamma), max_passes=, draws=).forecast(),
// formula by formula. Numbers agree with Python's to 1e-9 of their size and 2^-60 of the draws: Python keeps
// shares as integer multiples of 2^-60, here they stay floating point.
//
// data: {tasks: [name], task: [place in tasks], label: [text, or null if open-ended], count: [examples]}, by stratum
// settings: {temperature: number, or null for equal rates; gamma; maxPasses: number, or null for none; draws}
// Gives {refused: [message]} for a plan that cannot be, else {refused: [], rows, tasks, overall, problems}.
function equipoiseForecast(data, settings) {
  "use strict";
  const { tasks, task, label, count } = data;
  const { temperature, gamma, maxPasses, draws } = settings;
  const allowedPasses = 100, manyPasses = 20; // as in equipoise.forecast
  const rounding = 1 + 1e-9; // what fills a cap to the brim does not exceed it

  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const largest = (values) => values.reduce((most, value) => Math.max(most, value), -Infinity);
  const smallest = (values) => values.reduce((least, value) => Math.min(least, value), Infinity);
  const ratio = (a, b) => (b > 0 ? a / b : 0);

  const members = tasks.map(() => []);
  task.forEach((of, i) => members[of].push(i));
  const sizes = members.map((of) => sum(of.map((i) => count[i])));
  const total = sum(sizes);

  // Rates of tasks: proportional to e_m^(1/T); of those with examples.
  const most = largest(sizes);
  const amounts = sizes.map((n) => (n === 0 ? 0 : temperature === null ? 1 : (n / most) ** (1 / temperature)));
  const ofAll = sum(amounts);
  const rates = amounts.map((amount) => amount / ofAll);

  // Shares of labels in their task: proportional to n_c n_c^(-gamma).
  const shares = count.map(() => 0);
  members.forEach((of, m) => {
    const least = smallest(of.map((i) => count[i]).filter((n) => n > 0));
    const masses = of.map((i) => (count[i] === 0 ? 0 : (count[i] / least) ** (1 - gamma)));
    const whole = sum(masses);
    of.forEach((i, place) => { shares[i] = rates[m] * ratio(masses[place], whole); });
  });

  // The cap: min(level * share, capacity), the surplus going to the other labels of the task.
  const refused = [];
  if (maxPasses !== null) members.forEach(pourTask);
  if (refused.length) return { refused };

  const rows = shares.map((share, i) => row(count[i], share, { task: task[i], label: label[i] }));
  const groups = members.map((of, m) => {
    const group = row(sizes[m], sum(of.map((i) => shares[i])), { task: m });
    group.unseenFraction = ratio(sum(of.map((i) => rows[i].unseenFraction * count[i])), sizes[m]);
    return group;
  });
  const drawn = shares.filter((share) => share > 0), present = count.filter((n) => n > 0);
  const overall = {
    unseenFraction: sum(rows.map((each) => each.unseenFraction * each.count)) / total,
    effectiveSampleSize: sum(drawn) ** 2 / sum(shares.map((share, i) => ratio(share ** 2, count[i]))),
    imbalanceBefore: largest(present) / smallest(present),
    imbalanceAfter: largest(drawn) / smallest(drawn),
  };
  const amountsDrawn = members.map((of) => sum(of.map((i) => draws * shares[i])));
  const rowsDrawn = members.map((of) => sum(of.map((i) => (shares[i] > 0 ? count[i] : 0))));
  const passesOfTask = largest(amountsDrawn.map((amount, m) => ratio(amount, rowsDrawn[m])));
  const passesOfAll = draws / sum(rowsDrawn);
  return { refused, rows, tasks: groups, overall, problems: rows.flatMap(problemOf) };

  function row(n, share, names) {
    const expectedDraws = draws * share, passes = ratio(expectedDraws, n);
    const unseenFraction = n ? Math.max(0, 1 - passes) : 0;
    return { ...names, count: n, dataShare: n / total, drawShare: share, expectedDraws, passes, unseenFraction };
  }

  function pourTask(of, m) {
    const wanting = of.filter((i) => shares[i] > 0);
    const wanted = draws * sum(wanting.map((i) => shares[i]));
    const examples = sum(wanting.map((i) => count[i])), available = examples * maxPasses;
    if (wanted > available * rounding) {
      const unimax = `unimax:${digits(maxPasses, 6)}`, spread = `\`${unimax}\` (\`--rates ${unimax}\`)`;
      refused.push(
        `task '${tasks[m]}' gets ${whole(wanted)} of ${whole(draws)} draws, more than ${digits(maxPasses, 6)} passes over` +
        ` its ${whole(examples)} drawn examples. Use \`max_passes\` (\`--max-passes\`) of at least` +
        ` ${digits(wanted / examples, 4)}${draws <= maxPasses * total ? `, rates of ${spread}` : ""}, at most ${whole(Math.trunc((draws * available * rounding) / wanted))} draws, or a rate of at most ${digits(available / draws, 4)} for it.`,
      );
      return;
    }
    // Those whose cap is reached first come first; once one is below its cap, so are all that follow.
    const inverse = (i) => count[i] / shares[i];
    const order = wanting.sort((a, b) => inverse(a) - inverse(b));
    const sharesLeft = new Array(order.length);
    order.reduceRight((left, i, place) => (sharesLeft[place] = left + shares[i]), 0);
    let left = Math.min(wanted, available), level = null;
    order.forEach((i, place) => {
      const capacity = count[i] * maxPasses, next = left / sharesLeft[place];
      if (level === null && next * shares[i] <= capacity) level = next;
      const amount = level === null ? capacity : level * shares[i];
      left -= amount;
      shares[i] = amount / draws;
    });
  }

  function problemOf(each) {
    const name = `'${tasks[each.task]}'` + (each.label === null ? "" : `, label '${each.label}'`);
    const problem = (level, code, message) => [{ level, code, message }];
    if (!each.count) return problem("warning", "no-examples", `${name} has no examples: the model learns nothing from it.`);
    if (!each.drawShare) return problem("warning", "never-drawn", `${name} is never drawn, of ${whole(each.count)} examples.`);
    if (each.expectedDraws < 1) {
      const expected = digits(each.expectedDraws, 2);
      return problem("warning", "rarely-drawn", `${name} may never be drawn: ${expected} draws are expected of ${whole(draws)}.`);
    }
    const examples = each.count === 1 ? "1 example" : `${whole(each.count)} examples`;
    const seen = `${name} is seen ${digits(each.passes, 3)} times in ${whole(draws)} draws (${examples}).`;
    if (each.passes > allowedPasses * rounding) {
      const limit = limitAdvice(allowedPasses);
      const advice = `At most ${allowedPasses} are allowed. ${limit} Weights closer to natural repeat it less.`;
      return problem("error", "too-many-passes", `${seen} ${advice}`);
    }
    if (each.passes > manyPasses * rounding) {
      const advice =
        "In pretraining, a rare part of a mixture gains from up to 15 to 20 passes; in fine-tuning, until its" +
        ` training accuracy saturates (see "Passes" on the page "Methods"). ${limitAdvice(manyPasses)}`;
      return problem("warning", "many-passes", `${seen} ${advice}`);
    }
    return [];
  }

  // How labels are limited to some passes.
  function limitAdvice(most) {
    if (passesOfTask <= most * rounding) return `\`max_passes=${most}\` (\`--max-passes ${most}\`) sets a limit.`;
    const least = Math.ceil(passesOfTask), fitting = Math.trunc((draws * most * rounding) / passesOfTask);
    const spread = passesOfAll <= most ? `with \`--rates unimax:${most}\`, or ` : "";
    const lowest = `; at these rates and draws the lowest is \`max_passes=${least}\` (\`--max-passes ${least}\`)`;
    return `A limit of ${most} fits ${spread}in at most ${whole(fitting)} draws${least <= allowedPasses ? lowest : ""}.`;
  }

  // A whole number, as Python's format ",.0f" writes it.
  function whole(value) {
    return Number(value.toFixed(0)).toLocaleString("en-US");
  }

  // A number to so many digits, as Python's format "g" writes it.
  function digits(value, precision) {
    const [mantissa, exponent] = value.toExponential(precision - 1).split("e").map(Number);
    if (exponent >= -4 && exponent < precision) return String(Number(value.toPrecision(precision)));
    return `${mantissa}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
}
