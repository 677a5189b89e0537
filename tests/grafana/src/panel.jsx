// One panel, drawn by the components of Grafana.
import React from 'react';
import { VizOrientation, getDisplayValueAlignmentFactors, getFieldDisplayValues } from '@grafana/data';
import { BarGauge, BigValue, PanelChrome, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { asIs, frames, range, withLooks } from './data.js';

const COLUMN = 66;
const ROW = 36;
const GAP = 8;

export const WIDTH = 24 * COLUMN;
export const height = (dashboard) => Math.max(...dashboard.panels.map(({ gridPos: { y, h } }) => y + h)) * ROW;

export function Panel({ panel, variables, theme, onDone }) {
  const { x, y, w, h } = panel.gridPos;
  const place = { position: 'absolute', left: x * COLUMN, top: y * ROW, width: w * COLUMN - GAP, height: h * ROW - GAP };
  const [state, setState] = React.useState({});
  React.useEffect(() => {
    if (panel.type === 'row') return onDone();
    const looked = frames(panel, variables, place.width).then((data) => setState({ data }), (error) => setState({ error: String(error) }));
    looked.finally(onDone);
  }, []);
  if (panel.type === 'row') return <h2 className="row" style={place}>{panel.title}</h2>;
  return (
    <div data-panel={panel.title} data-error={state.error} data-empty={state.data && isEmpty(state.data)} style={place}>
      <PanelChrome title={panel.title} description={panel.description} width={place.width} height={place.height} padding="md">
        {(width, height) => state.data && <Guard><Picture panel={panel} data={state.data} theme={theme} width={width} height={height} /></Guard>}
      </PanelChrome>
    </div>
  );
}

// Whether there is no figure in it at all.
function isEmpty(data) {
  const figures = data.flatMap((frame) => frame.fields.filter((field) => field.type === 'number').flatMap((field) => field.values));
  return figures.some((figure) => !Number.isNaN(figure)) ? undefined : true;
}

class Guard extends React.Component {
  state = {};
  static getDerivedStateFromError(error) { return { error }; }
  render() { return this.state.error ? <pre data-crash>{String(this.state.error)}</pre> : this.props.children; }
}

function Picture({ panel, data: raw, theme, width, height }) {
  const { options, fieldConfig } = panel;
  const data = withLooks(raw, panel, theme);
  const figures = () => getFieldDisplayValues({
    fieldConfig, reduceOptions: options.reduceOptions, replaceVariables: asIs, theme, data, timeZone: 'utc',
  });
  const shared = { width, height, source: data, renderCounter: 0, getValues: figures };
  switch (panel.type) {
    case 'stat':
      return <VizRepeater {...shared} orientation={VizOrientation.Auto} autoGrid renderValue={({ value, width, height }) => (
        <div data-figure={value.display.text} data-colour={value.display.color}>
          <BigValue value={value.display} width={width} height={height} theme={theme} {...options} />
        </div>
      )} />;
    case 'bargauge':
      return <VizRepeater {...shared} orientation={VizOrientation.Horizontal} minVizWidth={8} minVizHeight={options.minVizHeight} maxVizHeight={options.maxVizHeight} itemSpacing={8}
        getAlignmentFactors={getDisplayValueAlignmentFactors} renderValue={({ value, width, height, count, alignmentFactors }) => (
        <div data-figure={value.display.text} data-colour={value.display.color}>
          <BarGauge value={value.display} field={value.field} display={value.view?.getFieldDisplayProcessor(value.colIndex)} theme={theme}
            text={options.text} width={width} height={height} orientation={VizOrientation.Horizontal} displayMode={options.displayMode}
            showUnfilled={options.showUnfilled} namePlacement={options.namePlacement} valueDisplayMode={options.valueMode}
            itemSpacing={8} alignmentFactors={count > 1 ? alignmentFactors : undefined} />
        </div>
      )} />;
    case 'table':
      if (data.length === 0) return <div className="nothing">{fieldConfig.defaults.noValue}</div>;
      return <TableNG data={data[0]} width={width} height={height} timeRange={range} structureRev={1} sortBy={options.sortBy} fieldConfig={fieldConfig} />;
    case 'timeseries':
      if (data.length === 0) return <div className="nothing">No data</div>;
      return <TimeSeries frames={data} structureRev={1} timeRange={range} timeZone="utc" width={width} height={height} legend={options.legend} options={options} />;
    default:
      throw new Error(`nothing draws a panel of type ${panel.type}`);
  }
}
