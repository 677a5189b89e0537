//! `docs/alerts.md`.

use std::fmt::Write as _;

use crate::rules::{GATE, Rule, alerts};

/// The table of alerts and of thresholds.
pub(crate) fn text(rules: &[Rule]) -> String {
    let mut page = include_str!("prose/beginning.md").to_owned();
    page.push_str("| alert | severity | fires when | for |\n| --- | --- | --- | --- |\n");
    for (rule, alert) in alerts(rules) {
        let name = &rule.name;
        let (condition, fresh) = match rule.expression.strip_suffix(GATE) {
            Some(condition) => (condition.trim(), " while data is fresh"),
            None => (rule.expression.as_str(), ""),
        };
        let waits = alert.waits.as_deref().unwrap_or("at once");
        let keeps = alert.keeps.as_ref().map(|keeps| format!(", keeps {keeps}")).unwrap_or_default();
        let link = format!("[{name}](runbooks.md#{})", name.to_lowercase());
        let row = format!("| {link} | {} | {}{fresh} | {waits}{keeps} |", alert.severity(), code(condition));
        writeln!(page, "{row}").expect("a String takes all");
    }
    page.push_str(include_str!("prose/thresholds.md"));
    for rule in rules.iter().filter(|rule| rule.alert.is_none()) {
        let users: Vec<_> =
            rules.iter().filter(|user| uses(user, &rule.name)).map(|user| &*user.name).collect();
        let value = rule.expression.trim_start_matches("0 * agentless_exporter_source_up + ");
        let row = format!("| `{}` | {} | {} |", rule.name, code(value), users.join(", "));
        writeln!(page, "{row}").expect("a String takes all");
    }
    page
}

/// Whether `rule` makes use of what is recorded as `name`.
pub(crate) fn uses(rule: &Rule, name: &str) -> bool {
    crate::promql::names(&rule.expression).iter().any(|used| used == name)
}

/// Code in a cell of a table.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|").replace("( ", "(").replace(" )", ")"))
}
