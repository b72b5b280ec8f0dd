//! What a look at something finds: what is right, what is worth knowing, what is missing.

use std::process::ExitCode;

/// Says each thing that was looked at, in a line of its own.
#[derive(Default)]
pub struct Findings {
    pub missing: usize,
}

impl Findings {
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(u8::from(self.missing > 0))
    }

    pub fn ok(&mut self, what: String) {
        println!("ok       {what}");
    }

    /// What is worth knowing and nothing is wrong with, such as an age.
    pub fn note(&mut self, what: &str) {
        println!("note     {what}");
    }

    pub fn missing(&mut self, what: String) {
        self.missing += 1;
        println!("missing  {what}");
    }
}
