use super::*;
use crate::exit::Exit;
use clap::error::ErrorKind;
use std::path::Path;

fn parse(line: &str) -> Result<Usher, clap::Error> {
    Usher::try_parse_from(std::iter::once("usher").chain(line.split_whitespace()))
}

fn error(line: &str) -> ErrorKind {
    parse(line).map(drop).unwrap_err().kind()
}

#[test]
fn the_definition_holds() {
    Usher::command().debug_assert();
}

#[test]
fn docs_cli_md_is_what_the_definition_says() {
    let options = clap_markdown::MarkdownOptions::new()
        .title("The command line".to_owned())
        .show_footer(false);
    let mut made = clap_markdown::help_markdown_custom::<Usher>(&options);
    made.push_str("\n## How a command ends\n\n| exit code | means |\n| --- | --- |\n");
    for exit in Exit::ALL {
        made.push_str(&format!("| {} | {} |\n", exit.code(), exit.meaning()));
    }
    made.push_str(
        "\nOf several scans the worst counts: a failure, then a referral, then a refusal.\n",
    );
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
    if std::env::var_os("USHER_BLESS").is_some() {
        std::fs::write(&file, &made).unwrap();
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        there == made,
        "docs/cli.md is not what the commands say: run this test with USHER_BLESS=1"
    );
}

#[test]
fn flags_of_every_command_are_shown_once() {
    let mut whole = Usher::definition();
    assert!(
        whole
            .render_long_help()
            .to_string()
            .contains("--token-file")
    );
    for path in [&["scan"][..], &["ticket", "cancel"], &["report"]] {
        let mut command = &mut whole;
        for word in path {
            command = command.find_subcommand_mut(word).unwrap();
        }
        let help = command.render_long_help().to_string();
        assert!(!help.contains("--token-file"), "{help}");
        assert!(help.contains("usher --help"), "{help}");
    }
    let parsed = whole.try_get_matches_from_mut(["usher", "status", "--json", "--home", "till"]);
    assert!(parsed.is_ok(), "{parsed:?}");
}

#[test]
fn every_command_and_every_flag_has_a_sentence() {
    fn check(command: &clap::Command, path: &str) {
        assert!(command.get_about().is_some(), "{path}");
        for argument in command.get_arguments() {
            assert!(
                argument.get_help().is_some(),
                "{path} {}",
                argument.get_id()
            );
        }
        for verb in command.get_subcommands() {
            check(verb, &format!("{path} {}", verb.get_name()));
        }
    }
    check(&Usher::command(), "usher");
}

#[test]
fn a_scan_takes_exactly_one_source_of_codes() {
    for good in [
        "scan CODE",
        "scan --image a.png b.png",
        "scan --stdin",
        "scan --camera 0 --size 640x480 --rate 15",
        "scan --video a.y4m --paced",
        "scan CODE --offline",
    ] {
        assert!(parse(good).is_ok(), "{good}");
    }
    assert_eq!(error("scan"), ErrorKind::MissingRequiredArgument);
    assert_eq!(error("scan CODE --stdin"), ErrorKind::ArgumentConflict);
    assert_eq!(
        error("scan --stdin --image a.png"),
        ErrorKind::ArgumentConflict
    );
    assert_eq!(
        error("scan --camera 0 --video a.y4m"),
        ErrorKind::ArgumentConflict
    );
    assert_eq!(error("scan --paced"), ErrorKind::MissingRequiredArgument);
    assert_eq!(
        error("scan --camera 0 --size 640"),
        ErrorKind::ValueValidation
    );
    assert_eq!(error("scan CODE --direction up"), ErrorKind::InvalidValue);
}

#[test]
fn wrong_values_are_wrong_usage() {
    assert_eq!(error("session show saturday"), ErrorKind::ValueValidation);
    assert_eq!(
        error("ticket cancel fair/1 --reason lost"),
        ErrorKind::InvalidValue
    );
    assert_eq!(
        error("token create shop --role king"),
        ErrorKind::InvalidValue
    );
    assert_eq!(
        error("enrollment create --uses 0"),
        ErrorKind::ValueValidation
    );
    assert_eq!(
        error("device move till-1"),
        ErrorKind::MissingRequiredArgument
    );
    assert_eq!(error("dance"), ErrorKind::InvalidSubcommand);
}

#[test]
fn what_people_call_retiring_is_retiring() {
    for noun in ["gate", "zone", "event", "type", "session"] {
        for verb in ["retire", "delete", "remove"] {
            let line = format!("{noun} {verb} fair/late");
            assert!(parse(&line).is_ok(), "{line}");
        }
    }
}

#[test]
fn flags_for_everything_stand_before_or_after_the_command() {
    for line in ["--json --home till status", "status --json --home till"] {
        let usher = parse(line).unwrap();
        assert!(usher.globals.json);
        assert_eq!(usher.globals.home.as_deref(), Some(Path::new("till")));
    }
}
