//! As much of PromQL as it takes to see which metrics and labels an expression names.

use agentless_exporter::meters::{reference, table};

/// Labels that Prometheus adds to all that it scrapes.
const SCRAPED: [&str; 2] = ["job", "instance"];

/// Words that are followed by a list of labels.
const LISTS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

/// The other words of the language that the rules use.
const WORDS: [&str; 14] = [
    "abs",
    "absent",
    "and",
    "changes",
    "count",
    "increase",
    "last_over_time",
    "max_over_time",
    "or",
    "query",
    "sum",
    "time",
    "topk",
    "unless",
];

/// A piece of an expression.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    /// An operator or a bracket; numbers and durations are of no interest.
    Mark(String),
}

/// What is wrong with the names in `expression`, if `recorded` says what else there is.
pub(crate) fn mistakes(expression: &str, recorded: &dyn Fn(&str) -> bool) -> Vec<String> {
    let tokens = tokens(expression);
    let mut wrong = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let Token::Word(word) = &tokens[at] else {
            at += 1;
            continue;
        };
        at += 1;
        let braced = if tokens.get(at) == Some(&mark("{")) { enclosed(&tokens, &mut at, "}") } else { &[] };
        if LISTS.contains(&word.as_str()) {
            for label in enclosed(&tokens, &mut at, ")") {
                check_listed(label, &mut wrong);
            }
        } else if word == "up" || recorded(word) {
            wrong.extend(
                matchers(braced)
                    .filter(|(label, ..)| !SCRAPED.contains(&label.as_str()))
                    .map(|(label, ..)| format!("`{word}` is asked for the label `{label}`")),
            );
        } else if let Some(metric) = table::find(word) {
            for (label, values) in matchers(braced) {
                check_matcher(metric, &label, &values, &mut wrong);
            }
        } else if !WORDS.contains(&word.as_str()) {
            wrong.push(format!("nothing is called `{word}`"));
        }
    }
    wrong
}

/// The names of metrics and recorded rules in `expression`.
pub(crate) fn names(expression: &str) -> Vec<String> {
    let is_name = |word: &String| word == "up" || word.starts_with("agentless");
    let words = tokens(expression).into_iter().filter_map(|token| match token {
        Token::Word(word) => Some(word),
        _ => None,
    });
    words.filter(is_name).collect()
}

fn check_listed(label: &Token, wrong: &mut Vec<String>) {
    let Token::Word(label) = label else { return };
    let is_known = table::ALL.iter().any(|metric| metric.labels.contains(&label.as_str()));
    if !is_known && !SCRAPED.contains(&label.as_str()) {
        wrong.push(format!("no metric has the label `{label}`"));
    }
}

fn check_matcher(metric: &table::Metric, label: &str, values: &str, wrong: &mut Vec<String>) {
    if SCRAPED.contains(&label) {
        return;
    }
    if !metric.labels.contains(&label) {
        wrong.push(format!("`{}` has no label `{label}`", metric.name));
    }
    // What a template fills in stands for any value.
    let Some(known) = reference::values_of(label).filter(|_| values != FILLED) else { return };
    for value in values.split('|').filter(|value| !known.contains(value)) {
        wrong.push(format!("the label `{label}` is never `{value}`"));
    }
}

/// The labels and values in braces.
fn matchers(braced: &[Token]) -> impl Iterator<Item = (String, String)> {
    braced.windows(3).filter_map(|three| match three {
        [Token::Word(label), Token::Mark(_), Token::Text(value)] => Some((label.clone(), value.clone())),
        _ => None,
    })
}

/// The tokens between the bracket at `at`, if one is there, and `end`; goes on behind that.
fn enclosed<'t>(tokens: &'t [Token], at: &mut usize, end: &str) -> &'t [Token] {
    if !matches!(tokens.get(*at), Some(Token::Mark(open)) if open == "(" || open == "{") {
        return &[];
    }
    let start = *at + 1;
    let length = tokens[start..].iter().position(|token| *token == mark(end)).expect("a bracket is closed");
    *at = start + length + 1;
    &tokens[start..start + length]
}

fn mark(text: &str) -> Token {
    Token::Mark(text.to_owned())
}

fn tokens(mut rest: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let is_operator = |c: char| "=!~<>".contains(c);
        let end = |holds: &dyn Fn(char) -> bool| rest.find(|c: char| !holds(c)).unwrap_or(rest.len());
        let length = match first {
            '"' => rest[1..].find('"').expect("a text is closed") + 2,
            c if is_word(c) => end(&is_word),
            c if is_operator(c) => end(&is_operator),
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        match first {
            '"' => tokens.push(Token::Text(token[1..length - 1].to_owned())),
            c if c.is_ascii_digit() || c.is_whitespace() => {}
            c if is_word(c) => tokens.push(Token::Word(token.to_owned())),
            _ => tokens.push(mark(token)),
        }
        rest = after;
    }
    tokens
}

/// What stands for a value that a template fills in.
const FILLED: &str = "…";

/// The expressions that the templates of an annotation ask Prometheus for.
pub(crate) fn queries(annotation: &str) -> Vec<String> {
    let mut queries = Vec::new();
    for part in annotation.split("printf \"").skip(1) {
        // Up to the quote without a backslash.
        let kept = part.replace("\\\"", "\u{0}");
        let query = kept.split('"').next().unwrap_or_default();
        if query.contains("agentless") {
            queries.push(query.replace("%q", &format!("\"{FILLED}\"")).replace('\u{0}', "\""));
        }
    }
    queries
}

#[test]
fn a_name_or_a_label_that_does_not_exist_is_seen() {
    let wrong = |expression: &str| mistakes(expression, &|name| name == "agentless:known").len();
    for fine in [
        "sum without (status) (agentless_scan_targets{status=~\"failed|timed_out\"}) > 0",
        "agentless:known > on (job, instance, source) group_left () up{job=~\"agentless.*\"} + 2.5 * 86400",
        "increase(agentless_exporter_polls_total{job=\"…\", kind=\"full\"}[15m]) > 1e5",
    ] {
        assert_eq!(mistakes(fine, &|name| name == "agentless:known"), [""; 0], "{fine}");
    }
    for (slip, what) in [
        ("agentless_scan_target > 0", "a metric"),
        ("agentless:unknown > 0", "a recorded rule"),
        ("agentless_scan_tasks{state=\"failed\"}", "a label"),
        ("agentless_scan_tasks{status=\"failure\"}", "a value"),
        ("agentless_scan_tasks{status=~\"failed|timeout\"}", "one of two values"),
        ("sum by (type) (agentless_scan_tasks)", "a label in a list"),
        ("up{source=\"a\"}", "a label that only our metrics have"),
    ] {
        assert_eq!(wrong(slip), 1, "{what}: {slip}");
    }
}
