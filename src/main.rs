//! The program `agentless-exporter`.

use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;

use agentless_exporter::app;
use agentless_exporter::cli;
use agentless_exporter::env::Env;

fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(command) => app::run(command, &Env::process()),
        Err(usage) => {
            match usage.print().and_then(|()| io::stdout().flush()) {
                // A reader who has seen enough and closed the pipe is no failure.
                Err(error) if !usage.use_stderr() && error.kind() != ErrorKind::BrokenPipe => {
                    // A closed stream leaves nobody to tell.
                    let _nobody_reads =
                        writeln!(io::stderr(), "agentless-exporter: stdout can't be written to: {error}");
                    return ExitCode::FAILURE;
                }
                _ => {}
            }
            ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(app::EXIT_USAGE))
        }
    }
}
