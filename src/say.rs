//! The one place that prints. stdout is data, stderr is talk.
//!
//! A reader of stdout who leaves early (`| head`) is no error: the rest is not printed. What cannot be
//! written to stderr is nobody's business any more.

use std::io::{self, IsTerminal, Write};

use crate::failure::{Failure, why};

/// Writes bytes to stdout.
pub(crate) fn bytes(data: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(data).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::new(format!("cannot write to standard output: {}", why(&error)))
            .hint("see that what it is sent to takes it, such as a disk with space left")),
    }
}

/// Writes text and a line break to stdout.
pub(crate) fn data(text: &str) -> Result<(), Failure> {
    bytes(format!("{text}\n").as_bytes())
}

/// Writes a line to stderr.
pub(crate) fn talk(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Says what is wrong.
pub(crate) fn error(message: &str) {
    talk(&format!("{} {message}", paint("error:", "1;31")));
}

/// Says what to do next.
pub(crate) fn hint(text: &str) {
    talk(&format!("{} {text}", paint("hint:", "1;36")));
}

/// Says what a person should look at, though the work goes on.
pub(crate) fn warn(text: &str) {
    talk(&format!("{} {text}", paint("warning:", "1;33")));
}

/// Writes over the line of stderr in which the cursor stands (ECMA-48, 8.3.41), and leaves it behind the text.
pub(crate) fn redraw(line: &str) {
    let _ = io::stderr().lock().write_all(format!("\r{line}\x1b[K").as_bytes());
}

/// The columns of the terminal behind stderr.
pub(crate) fn width() -> usize {
    rustix::termios::tcgetwinsize(io::stderr()).map_or(80, |size| usize::from(size.ws_col))
}

/// Whether a line on stderr can be drawn anew.
pub(crate) fn can_redraw() -> bool {
    io::stderr().is_terminal() && !dumb()
}

/// Whether stderr may be coloured.
pub(crate) fn colour() -> bool {
    io::stderr().is_terminal() && may_colour()
}

/// Whether stdout may be coloured.
pub(crate) fn colour_of_data() -> bool {
    io::stdout().is_terminal() && may_colour()
}

fn may_colour() -> bool {
    // https://no-color.org: present and not empty.
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && !dumb()
}

fn dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|value| value == "dumb")
}

/// `text` in the colour `code` (ECMA-48, 8.3.117), if stderr may be coloured.
pub(crate) fn paint(text: &str, code: &str) -> String {
    if colour() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}
