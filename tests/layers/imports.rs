//! Finds in Rust source text the paths into this crate, without compiling it.

/// One path that starts at the crate's root.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// Line of the path's last word, from 1.
    pub(crate) line: usize,
    /// The words after `crate::`; the last may be `*`. Empty for the root itself.
    pub(crate) path: Vec<String>,
}

/// Every path of `source` into the crate: imports and paths on the spot, from `crate`, `super`,
/// `self` or the crate's name, grouped ones taken apart. `module` is where the file stands,
/// `["rpc", "retry"]` for `src/rpc/retry.rs`. Comments and literals don't count; tests do.
pub(crate) fn imports(source: &str, module: &[&str]) -> Vec<Import> {
    let mut reader = Reader { tokens: tokens(source), found: Vec::new() };
    let file: Vec<String> = module.iter().map(|&word| word.to_owned()).collect();
    // Modules written inline, each with the depth of braces outside it.
    let mut inline: Vec<(String, usize)> = Vec::new();
    let mut depth = 0;
    let mut at = 0;
    while at < reader.tokens.len() {
        match reader.kind(at) {
            Kind::Open => depth += 1,
            Kind::Close => {
                depth -= 1;
                inline.pop_if(|(_, outside)| *outside == depth);
            }
            Kind::Word(word) if word == "mod" && *reader.kind(at + 2) == Kind::Open => {
                if let Kind::Word(name) = reader.kind(at + 1) {
                    inline.push((name.clone(), depth));
                }
            }
            Kind::Word(word) => {
                let here = || file.iter().cloned().chain(inline.iter().map(|(name, _)| name.clone()));
                let base: Option<Vec<String>> = match word.as_str() {
                    "crate" | "agentless_exporter" => Some(Vec::new()),
                    "self" => Some(here().collect()),
                    "super" => Some(parent(here().collect())),
                    _ => None,
                };
                let starts_path = at == 0 || *reader.kind(at - 1) != Kind::PathSep;
                if let Some(base) = base.filter(|_| starts_path) {
                    if *reader.kind(at + 1) == Kind::PathSep {
                        at = reader.tree(at + 2, base);
                        continue;
                    }
                    // A new name for the root or a parent would hide what is used through it.
                    if reader.is_word(at + 1, "as") {
                        reader.record(at, base);
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
    reader.found
}

struct Reader {
    tokens: Vec<Token>,
    found: Vec<Import>,
}

impl Reader {
    fn kind(&self, at: usize) -> &Kind {
        self.tokens.get(at).map_or(&Kind::Other, |token| &token.kind)
    }

    fn is_word(&self, at: usize, word: &str) -> bool {
        matches!(self.kind(at), Kind::Word(found) if found == word)
    }

    fn record(&mut self, at: usize, path: Vec<String>) {
        let line = self.tokens.get(at).map_or(0, |token| token.line);
        self.found.push(Import { line, path });
    }

    /// Reads what follows the `::` after `base`; gives the place behind it.
    fn tree(&mut self, at: usize, mut base: Vec<String>) -> usize {
        match self.kind(at).clone() {
            Kind::Open => self.group(at + 1, &base),
            Kind::Star => {
                base.push("*".to_owned());
                self.record(at, base);
                at + 1
            }
            Kind::Word(word) => {
                match word.as_str() {
                    "self" => {}
                    "super" => base = parent(base),
                    _ => base.push(word),
                }
                let goes_on = matches!(self.kind(at + 2), Kind::Word(_) | Kind::Open | Kind::Star);
                if *self.kind(at + 1) == Kind::PathSep && goes_on {
                    return self.tree(at + 2, base);
                }
                self.record(at, base);
                at + 1
            }
            _ => {
                self.record(at, base);
                at
            }
        }
    }

    /// Reads the members of a group up to its closing brace; gives the place behind it.
    fn group(&mut self, mut at: usize, base: &[String]) -> usize {
        loop {
            match self.kind(at) {
                Kind::Close => return at + 1,
                Kind::Word(_) | Kind::Open | Kind::Star => at = self.tree(at, base.to_vec()),
                _ => at += 1,
            }
            if self.is_word(at, "as") {
                at += 2;
            }
            if at >= self.tokens.len() {
                return at;
            }
        }
    }
}

fn parent(mut path: Vec<String>) -> Vec<String> {
    path.pop();
    path
}

struct Token {
    line: usize,
    kind: Kind,
}

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Word(String),
    PathSep,
    Open,
    Close,
    Star,
    Other,
}

/// The words and signs of `source`, without comments, literals and blanks.
fn tokens(source: &str) -> Vec<Token> {
    let text: Vec<char> = source.chars().collect();
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(&c) = text.get(at) {
        let start = at;
        let next = text.get(at + 1).copied().unwrap_or(' ');
        let kind = if c.is_alphanumeric() || c == '_' {
            at = end_of(&text, at, |c| c.is_alphanumeric() || c == '_');
            let word: String = text[start..at].iter().collect();
            if let Some(end) = end_of_raw_string(&text, at).filter(|_| word.ends_with('r') && word.len() < 3)
            {
                at = end;
                Kind::Other
            } else {
                Kind::Word(word)
            }
        } else {
            let (end, kind) = match (c, next) {
                ('/', '/') => (end_of(&text, at, |c| c != '\n'), Kind::Other),
                ('/', '*') => (end_of_block_comment(&text, at), Kind::Other),
                ('"', _) => (end_of_quoted(&text, at), Kind::Other),
                ('\'', '\\') => (end_of_quoted(&text, at), Kind::Other),
                ('\'', _) if text.get(at + 2) == Some(&'\'') => (at + 3, Kind::Other),
                (':', ':') => (at + 2, Kind::PathSep),
                ('{', _) => (at + 1, Kind::Open),
                ('}', _) => (at + 1, Kind::Close),
                ('*', _) => (at + 1, Kind::Star),
                _ => (at + 1, Kind::Other),
            };
            at = end.min(text.len());
            kind
        };
        let is_blank = c.is_whitespace() || (c == '/' && matches!(next, '/' | '*'));
        if !is_blank {
            found.push(Token { line, kind });
        }
        line += text[start..at].iter().filter(|&&c| c == '\n').count();
    }
    found
}

fn end_of(text: &[char], from: usize, goes_on: impl Fn(char) -> bool) -> usize {
    text[from..].iter().position(|&c| !goes_on(c)).map_or(text.len(), |length| from + length)
}

fn end_of_quoted(text: &[char], from: usize) -> usize {
    let mut at = from + 1;
    while at < text.len() && text[at] != text[from] {
        at += if text[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn end_of_block_comment(text: &[char], from: usize) -> usize {
    let (mut at, mut depth) = (from, 0);
    while at < text.len() {
        match (text[at], text.get(at + 1)) {
            ('/', Some('*')) => depth += 1,
            ('*', Some('/')) => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            break;
        }
    }
    at
}

/// Where the raw string ends whose `#`s or quote start at `from`, if one does.
fn end_of_raw_string(text: &[char], from: usize) -> Option<usize> {
    let quote = end_of(text, from, |c| c == '#');
    (text.get(quote) == Some(&'"')).then(|| {
        let hashes = quote - from;
        let closes = |at: &usize| {
            text[*at] == '"' && text[at + 1..].iter().take_while(|&&c| c == '#').count() >= hashes
        };
        (quote + 1..text.len()).find(closes).map_or(text.len(), |at| at + 1 + hashes)
    })
}
