//! HTML in which text cannot become markup.

use std::fmt::{self, Display, Write};

/// A document under way. Markup can only be what stands in this program's source; everything
/// else goes in by [`Self::text`], which escapes it.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Adds markup.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Adds text, also good between the double quotes of an attribute.
    pub(super) fn text(&mut self, text: impl Display) -> &mut Self {
        // Writing to a string fails only if the text's own `Display` does.
        let _infallible = write!(Escaped(&mut self.0), "{text}");
        self
    }

    /// The document.
    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// Writes with what means something to HTML replaced.
struct Escaped<'o>(&'o mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
        Ok(())
    }
}
