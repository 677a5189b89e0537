// What Grafana does between a panel and Prometheus: variables, queries, frames, transformations.
import {
  FieldType, applyFieldOverrides, cacheFieldDisplayNames, dateTime, rangeUtil, standardTransformers, standardTransformersRegistry, toDataFrame,
  transformDataFrame, Registry,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';

const asked = new URLSearchParams(location.search);

// Seconds between two scrapes, as the data source of Grafana would be told.
const SCRAPE = Number(asked.get('scrape'));

const until = asked.has('until') ? Number(asked.get('until')) * 1000 : Date.now();
const from = dateTime(until - Number(asked.get('minutes')) * 60e3);
const to = dateTime(until);
export const range = { from, to, raw: { from, to } };

// Those that the dashboards use; the whole list of the package has two of one name.
const { mergeTransformer, organizeFieldsTransformer } = standardTransformers;
standardTransformersRegistry.setInit(() =>
  [mergeTransformer, organizeFieldsTransformer].map((one) => ({ id: one.id, name: one.name, transformation: async () => one })));

// The values of variables: what the address says, else all, else what the dashboard says.
export function values(dashboard) {
  const found = {};
  for (const variable of dashboard.templating.list) {
    found[variable.name] = asked.get(`var-${variable.name}`) ?? variable.allValue ?? variable.query;
  }
  return found;
}

function filledIn(expr, variables, step) {
  const span = Math.round((to - from) / 1000);
  const all = {
    ...variables,
    __rate_interval: `${Math.max(step + SCRAPE, 4 * SCRAPE)}s`, __interval: `${step}s`, __range: `${span}s`,
  };
  return expr.replace(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced, bare) => all[braced ?? bare] ?? whole);
}

async function ask(path, parameters) {
  const answer = await (await fetch(`/prometheus/api/v1/${path}?${new URLSearchParams(parameters)}`)).json();
  if (answer.status !== 'success') throw new Error(answer.error);
  return answer.data.result;
}

// The frames of a panel that is `width` pixels wide.
export async function frames(panel, variables, width) {
  const least = panel.interval ? rangeUtil.intervalToSeconds(panel.interval) : SCRAPE;
  const step = Math.max(least, SCRAPE, Math.ceil((to - from) / 1000 / width));
  const asTables = panel.targets.filter((target) => target.format === 'table').length;
  const results = await Promise.all(panel.targets.map(async (target) => {
    const query = filledIn(target.expr, variables, step);
    if (target.format === 'table') return table(target, await ask('query', { query, time: to / 1000 }), asTables);
    if (target.instant) return (await ask('query', { query, time: to / 1000 })).map((row) => series(target, row, [row.value], step));
    const span = { start: from / 1000, end: to / 1000, step };
    return (await ask('query_range', { query, ...span })).map((row) => series(target, row, row.values, step));
  }));
  const raw = results.flat().filter((frame) => frame.length > 0);
  return lastValueFrom(transformDataFrame(panel.transformations ?? [], raw));
}

// The labels of a series as Grafana writes them into its legend.
function legend(target, labels) {
  if (!target.legendFormat) return 'Value';
  return target.legendFormat.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => labels[label] ?? '');
}

function series(target, row, points, step) {
  const name = legend(target, row.metric);
  const values = points.map(([, value]) => Number(value.replace('Inf', 'Infinity')));
  // A step that is left out is a gap.
  for (let at = points.length - 1; at > 0; at -= 1) {
    if (points[at][0] - points[at - 1][0] > 1.5 * step) {
      points.splice(at, 0, [points[at - 1][0] + step]);
      values.splice(at, 0, null);
    }
  }
  return toDataFrame({ refId: target.refId, name, fields: [
    { name: 'Time', type: FieldType.time, values: points.map(([at]) => at * 1000), config: { interval: step * 1000 } },
    { name: 'Value', type: FieldType.number, labels: row.metric, values, config: { displayNameFromDS: name } },
  ] });
}

function table(target, rows, tables) {
  const labels = [...new Set(rows.flatMap((row) => Object.keys(row.metric)))].sort();
  const strings = labels.map((label) => ({
    name: label, type: FieldType.string, values: rows.map((row) => row.metric[label] ?? ''), config: { filterable: true },
  }));
  return [toDataFrame({ refId: target.refId, fields: [
    { name: 'Time', type: FieldType.time, values: rows.map((row) => row.value[0] * 1000) },
    ...strings,
    { name: tables > 1 ? `Value #${target.refId}` : 'Value', type: FieldType.number, values: rows.map((row) => Number(row.value[1])) },
  ] })];
}

// What a panel may say of its fields; the looks of lines and columns are below `custom`.
const COMMON = ['unit', 'min', 'max', 'decimals', 'displayName', 'noValue', 'thresholds', 'mappings', 'color', 'links', 'description'];
const CUSTOM = [
  'drawStyle', 'lineWidth', 'fillOpacity', 'lineStyle', 'lineInterpolation', 'showPoints', 'pointSize', 'stacking', 'spanNulls',
  'gradientMode', 'axisPlacement', 'axisLabel', 'axisColorMode', 'axisSoftMax', 'scaleDistribution', 'hideFrom', 'thresholdsStyle',
  'cellOptions', 'align', 'width', 'inspect', 'hidden',
];
const plain = { process: (value) => value, shouldApply: () => true };
const fieldConfigRegistry = new Registry(() => [
  ...COMMON.map((id) => ({ id, path: id, name: id, ...plain })),
  ...CUSTOM.map((id) => ({ id: `custom.${id}`, path: id, name: id, isCustom: true, ...plain })),
]);

export const asIs = (text) => text;

export function withLooks(raw, panel, theme) {
  const data = panel.type === 'timeseries' ? raw.map(finite) : raw;
  const looks = applyFieldOverrides({ data, fieldConfig: panel.fieldConfig, replaceVariables: asIs, theme, timeZone: 'utc', fieldConfigRegistry });
  cacheFieldDisplayNames(looks);
  return looks;
}

// Grafana's time series draw a gap for what is no number.
function finite(frame) {
  const fields = frame.fields.map((field) => ({ ...field, values: field.values.map((value) => (Number.isFinite(value) ? value : null)) }));
  return { ...frame, fields };
}
