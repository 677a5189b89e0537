//! What the command line tells of itself: completions of a shell, and the manual page.

use std::io;

use clap::{Args, Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::Cli;

/// Flags of `completions`.
#[derive(Clone, Debug, Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  source <(agentless-exporter completions bash)
  agentless-exporter completions bash > /etc/bash_completion.d/agentless-exporter
  agentless-exporter completions zsh > ~/.zfunc/_agentless-exporter
  agentless-exporter completions fish > ~/.config/fish/completions/agentless-exporter.fish";

/// The script that completes the flags of this program in `shell`.
pub fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "agentless-exporter", &mut script);
    text(script)
}

/// The manual page, with every command on it, as roff.
pub fn man() -> String {
    let mut page = Vec::new();
    render(&mut page).expect("a Vec takes all");
    text(page)
}

fn render(page: &mut Vec<u8>) -> io::Result<()> {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let man = Man::new(program.clone()).manual("User Commands");
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    let mut description = Roff::new();
    description.control("SH", ["DESCRIPTION"]).text([roman(DESCRIPTION)]).to_writer(page)?;
    for command in program.get_subcommands() {
        render_command(page, command)?;
    }
    for (heading, entries) in [("EXIT STATUS", EXIT_STATUS), ("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)] {
        let mut roff = Roff::new();
        roff.control("SH", [heading]);
        for (term, meaning) in entries {
            roff.control("TP", []).text([bold(*term)]).text([roman(*meaning)]);
        }
        roff.to_writer(page)?;
    }
    let examples = program.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mut heading = Roff::new();
    heading.control("SH", ["EXAMPLES"]).to_writer(page)?;
    verbatim(examples.trim_start_matches("Examples:\n")).to_writer(page)
}

/// A section for one command: what it does, its flags, and what its help says at the end.
fn render_command(page: &mut Vec<u8>, command: &Command) -> io::Result<()> {
    let name = command.get_name();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut roff = Roff::new();
    roff.control("SH", [format!("COMMAND {}", name.to_uppercase()).as_str()]);
    roff.text([bold(format!("agentless-exporter {name}"))]).control("PP", []).text([roman(about + ".")]);
    roff.to_writer(page)?;
    let mut options = Vec::new();
    Man::new(command.clone()).render_options_section(&mut options)?;
    page.extend_from_slice(text(options).replace(".SH OPTIONS", ".SS Options").as_bytes());
    let help = command.get_after_long_help().or(command.get_after_help());
    if let Some(help) = help {
        verbatim(&help.to_string()).to_writer(page)?;
    }
    Ok(())
}

/// Lines as they stand, none filled up with the next.
fn verbatim(body: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("PP", []).control("nf", []);
    for line in body.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("what is written of this program is UTF-8")
}

const DESCRIPTION: &str = "\
Polls the agentless scan tasks of Alibaba Cloud Security Center and serves them as metrics of
Prometheus, with a status page. Without a command it runs as the daemon, as serve does.
Logs go to stderr.";

const EXIT_STATUS: &[(&str, &str)] = &[
    ("0", "It did what it was asked to; of a daemon: a signal ended it."),
    (
        "1",
        "It could not start or run; of once: some source was not read, or a signal came; of check-config --live: some source can't be polled.",
    ),
    ("2", "Wrong usage, or a configuration that is not valid."),
];

const ENVIRONMENT: &[(&str, &str)] = &[
    ("ALIBABA_CLOUD_REGION_ID", "The region of the one source that there is without a list of sources."),
    (
        "ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET, ALIBABA_CLOUD_SECURITY_TOKEN",
        "The access key of sources with credentials of type default or env.",
    ),
    (
        "ALIBABA_CLOUD_ROLE_ARN, ALIBABA_CLOUD_OIDC_PROVIDER_ARN, ALIBABA_CLOUD_OIDC_TOKEN_FILE, ALIBABA_CLOUD_ROLE_SESSION_NAME",
        "The role of a service account (RRSA), for the types default and oidc.",
    ),
    (
        "ALIBABA_CLOUD_PROFILE, ALIBABA_CLOUD_CONFIG_FILE, ALIBABA_CLOUD_CREDENTIALS_FILE, ALIBABA_CLOUD_CLI_PROFILE_DISABLED",
        "The profile and the files of profiles, for the types default and profile.",
    ),
    (
        "ALIBABA_CLOUD_ECS_METADATA, ALIBABA_CLOUD_ECS_METADATA_DISABLED, ALIBABA_CLOUD_IMDSV1_DISABLED",
        "The role of the machine, and whether it is never asked for, for the types default and ecs_ram_role.",
    ),
    (
        "ALIBABA_CLOUD_STS_REGION, ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED",
        "Which Security Token Service is asked for the key of a role.",
    ),
    ("ALIBABA_CLOUD_CREDENTIALS_URI", "The service that gives keys, for the types default and uri."),
    (
        "AGENTLESS_EXPORTER__GROUP__KEY",
        "Any key of the configuration outside of sources, such as AGENTLESS_EXPORTER__POLL__INTERVAL=30s; it wins over the file.",
    ),
    ("HTTPS_PROXY, NO_PROXY", "The proxy to the cloud, and the hosts asked without it."),
    ("NO_COLOR", "If it is set, nothing is coloured. Without it, only a terminal gets colours."),
];

const FILES: &[(&str, &str)] = &[(
    "PATH of --config.file",
    "The configuration, YAML. There is no file that is read without being named.",
)];

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_gets_a_script_that_knows_the_commands() {
        for &shell in Shell::value_variants() {
            assert!(completions(shell).contains("check-config"), "{shell}");
        }
    }

    #[test]
    fn the_manual_page_has_every_command_with_its_flags_and_examples() {
        let page = man();
        for heading in ["SYNOPSIS", "EXAMPLES", "EXIT STATUS", "ENVIRONMENT", "FILES"] {
            let line = format!(".SH {heading}\n").replace("EXIT STATUS", "\"EXIT STATUS\"");
            assert_eq!(page.matches(&line).count(), 1, "{heading}: {page}");
        }
        let program = Cli::command();
        for command in program.get_subcommands() {
            let name = command.get_name();
            assert!(page.contains(&format!(".SH \"COMMAND {}\"", name.to_uppercase())), "{name}: {page}");
            for flag in command.get_arguments().filter_map(|argument| argument.get_long()) {
                let flag = flag.replace('-', "\\-");
                assert!(page.contains(&format!("\\-\\-{flag}")), "{name} --{flag}");
            }
        }
        assert!(page.contains(r"\-\-fault throttle=0.3"), "{page}");
    }
}
