//! Standard output and error of commands. Whoever reads what is printed may have seen enough, such as `head`: the command
//! then ends as if all of it had been read, and says nothing.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::process::exit;

/// Standard output.
pub struct Output;

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        while_read(io::stdout().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        while_read(io::stdout().flush())
    }
}

fn while_read<T>(written: io::Result<T>) -> io::Result<T> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => exit(0),
        written => written,
    }
}

/// What the macros below do, which take the place of those of `std` that panic where nothing can be written.
pub fn print(text: Arguments<'_>) {
    if let Err(error) = Output.write_fmt(text) {
        print_error(format_args!("rollcall: standard output: {error}\n"));
        exit(2);
    }
}

pub fn print_error(text: Arguments<'_>) {
    let _ = io::stderr().write_fmt(text);
}

macro_rules! print {
    ($($text:tt)*) => { $crate::cli::output::print(format_args!($($text)*)) };
}

macro_rules! println {
    ($($text:tt)*) => { $crate::cli::output::print(format_args!("{}\n", format_args!($($text)*))) };
}

macro_rules! eprintln {
    ($($text:tt)*) => { $crate::cli::output::print_error(format_args!("{}\n", format_args!($($text)*))) };
}
