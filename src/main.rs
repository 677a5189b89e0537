//! The program `agentless-exporter`.

use std::process::ExitCode;

use agentless_exporter::app;
use agentless_exporter::cli;
use agentless_exporter::env::Env;

fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(command) => app::run(command, &Env::process()),
        Err(usage) => {
            // A closed stream leaves nobody to tell.
            let _nobody_reads = usage.print();
            ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(app::EXIT_USAGE))
        }
    }
}
