//! The few styles that reports use. They are left out where the stream cannot show them.

use anstyle::{AnsiColor, Style};

/// Headings, and what matters in a line.
pub(crate) const BOLD: Style = Style::new().bold();
/// What may be passed over.
pub(crate) const DIM: Style = Style::new().dimmed();
/// All is well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Something is wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Something is missing.
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default().bold();
