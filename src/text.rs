//! What no text may hold where people or programs read it.

/// Whether `c` moves, hides or reorders what stands around it: control characters, line breaks,
/// marks of byte order, and the formatting characters of bidirectional text (UAX #9).
pub fn controls(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
