//! The rules of `docs/architecture.md`, read from its table, and what breaks them.

use std::collections::BTreeMap;

/// Which module may use which.
#[derive(Debug)]
pub(crate) struct Rules(BTreeMap<String, Rule>);

#[derive(Debug)]
struct Rule {
    floor: u8,
    neighbours: Vec<String>,
    below: Below,
}

/// What of the floors below a module may use, as paths such as `rpc::encode`.
#[derive(Debug)]
enum Below {
    AllBut(Vec<String>),
    Only(Vec<String>),
}

impl Rules {
    /// Reads the rows `| floor | module | what it is | neighbours | floors below |` of `page`.
    ///
    /// # Panics
    /// If a row of that table has another shape.
    pub(crate) fn from_page(page: &str) -> Self {
        let rows = page.lines().filter_map(|line| {
            let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
            let floor = cells.first()?.parse().ok()?;
            let &[_, module, _, neighbours, below] = cells.as_slice() else {
                panic!("a row of the table of floors needs five cells: {line}");
            };
            let [module] = <[String; 1]>::try_from(quoted(module)).expect("a row names one module");
            let below = match below.split(' ').next() {
                Some("all") => Below::AllBut(quoted(below)),
                Some("only") => Below::Only(quoted(below)),
                _ => panic!("the cell of the floors below says `all`, `all but …` or `only …`: {line}"),
            };
            Some((module, Rule { floor, neighbours: quoted(neighbours), below }))
        });
        Self(rows.collect())
    }

    /// Every module with a rule.
    pub(crate) fn modules(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Why `module` may not use `path`, if it may not.
    pub(crate) fn breach(&self, module: &str, path: &[String]) -> Option<String> {
        let Some(user) = self.0.get(module) else {
            return Some(format!("`{module}` is on no floor"));
        };
        let Some(target) = path.first().filter(|target| *target != "*") else {
            return Some("the crate's root as a whole hides what is used".to_owned());
        };
        let Some(used) = self.0.get(target) else {
            return Some(format!("`{target}` is on no floor"));
        };
        let covered = |listed: &String| {
            let listed: Vec<&str> = listed.split("::").collect();
            path.len() >= listed.len() && listed.iter().zip(path).all(|(word, have)| word == have)
        };
        let allowed = target == module
            || match used.floor.cmp(&user.floor) {
                std::cmp::Ordering::Greater => false,
                std::cmp::Ordering::Equal => user.neighbours.contains(target),
                std::cmp::Ordering::Less => match &user.below {
                    Below::AllBut(banned) => !banned.iter().any(covered),
                    Below::Only(listed) => listed.iter().any(covered),
                },
            };
        (!allowed).then(|| {
            let path = path.join("::");
            format!("`{module}` on floor {} may not use `{path}` on floor {}", user.floor, used.floor)
        })
    }
}

/// The words of `cell` between backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
