// A dashboard as a page: its title, variables and links, and its panels on their grid.
import '@fontsource-variable/inter';
import React from 'react';
import { createRoot } from 'react-dom/client';
import { createTheme } from '@grafana/data';
import { GlobalStyles, ThemeContext } from '@grafana/ui';
import { Panel, WIDTH, height } from './panel.jsx';
import { values } from './data.js';

const asked = new URLSearchParams(location.search);
const theme = createTheme({
  colors: { mode: asked.get('theme') },
  typography: { fontFamily: "'Inter Variable', sans-serif" },
});
const dashboard = await (await fetch(`/${asked.get('dashboard')}.json`)).json();
const variables = values(dashboard);

let left = dashboard.panels.length;
const onDone = () => {
  left -= 1;
  // Charts are drawn after the frame in which their data came.
  if (left === 0) setTimeout(() => { document.body.dataset.ready = 'yes'; }, 800);
};

function Head() {
  const shown = dashboard.templating.list.filter(({ hide }) => hide !== 2);
  return (
    <header>
      <strong>{dashboard.title}</strong>
      {shown.map(({ name, label, allValue }) => (
        <span key={name} className="box"><b>{label}</b>{variables[name] === allValue ? 'All' : variables[name].replaceAll('|', ' + ')}</span>
      ))}
      <span className="links">{dashboard.links.map(({ title }) => <span key={title} className="box">{title}</span>)}</span>
    </header>
  );
}

const { background, text, border } = theme.colors;
const styles = `
  html, body { background: ${background.canvas}; overflow: visible; height: auto; }
  #page { width: ${WIDTH}px; margin: 12px 8px 8px 16px; color: ${text.primary}; }
  header { display: flex; align-items: center; gap: 8px; margin-bottom: 12px; }
  header strong { font-size: 18px; font-weight: 500; margin-right: 16px; }
  .links { margin-left: auto; margin-right: 8px; display: flex; gap: 8px; }
  .box { border: 1px solid ${border.medium}; border-radius: 4px; padding: 4px 10px; font-size: 13px; background: ${background.primary}; }
  .box b { font-weight: 500; color: ${text.primary}; margin-right: 8px; }
  h2.row { font-size: 16px; font-weight: 500; margin: 0; padding: 6px 2px 0; }
  .nothing { display: flex; height: 100%; align-items: center; justify-content: center; color: ${text.secondary}; }
`;

createRoot(document.getElementById('root')).render(
  <ThemeContext.Provider value={theme}>
    <GlobalStyles />
    <style>{styles}</style>
    <div id="page">
      <Head />
      <div style={{ position: 'relative', height: height(dashboard) }}>
        {dashboard.panels.map((panel) => <Panel key={panel.id} panel={panel} variables={variables} theme={theme} onDone={onDone} />)}
      </div>
    </div>
  </ThemeContext.Provider>,
);
