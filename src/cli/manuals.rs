//! `rollcall manuals`: what packages have beside the program, made from its arguments. Hidden: `make dist` runs it.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use super::Failure;

const NAME: &str = "rollcall";
/// Where the shells look below `/usr/share`.
const COMPLETIONS: [(Shell, &str, &str); 3] = [
    (Shell::Bash, "bash-completion/completions", "rollcall"),
    (Shell::Zsh, "zsh/vendor-completions", "_rollcall"),
    (Shell::Fish, "fish/vendor_completions.d", "rollcall.fish"),
];

#[derive(Args)]
pub struct Arguments {
    /// Where to write them, as below `/usr/share`
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

pub fn write(arguments: &Arguments, mut command: Command) -> Result<ExitCode, Failure> {
    for (shell, folder, file) in COMPLETIONS {
        let folder = arguments.directory.join(folder);
        fs::create_dir_all(&folder)?;
        generate(shell, &mut command, NAME, &mut File::create(folder.join(file))?);
    }
    let manuals = arguments.directory.join("man/man1");
    fs::create_dir_all(&manuals)?;
    // The program's own version says editions of reference data, which pages have no room for.
    clap_mangen::generate_to(command.version(env!("CARGO_PKG_VERSION")), manuals)?;
    Ok(ExitCode::SUCCESS)
}
