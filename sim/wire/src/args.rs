//! The arguments of the command.

use asl_wire::{Fault, Rule};
use std::str::FromStr;
use std::time::Duration;

pub(crate) const USAGE: &str = "\
A proxy in front of an HTTP server that harms what passes, as a seed says.

Usage: asl-wire --to HOST:PORT [OPTIONS]

  --to HOST:PORT                  the server, which speaks HTTP/1.1 without TLS
  --port PORT                     listen on this port of 127.0.0.1 (default: a free one)
  --seed NUMBER                   chooses which requests are harmed (default: 0)
  --fault NAME[=EVERY]            harm one in EVERY requests (default: each)
  --drop-header NAME[=EVERY]      pass a request on without this header
  --delay MILLISECONDS[=EVERY]    pass a request on after this time
  --help                          print this

--fault, --drop-header and --delay may be given several times. A request meets one fault at most, that of
the first of them that is drawn.

Faults:
  cut-answer     carried out, closed before the answer
  unavailable    answered 503 SlowDown, never carried out
  html           answered 502 with an HTML page, never carried out
  html-ok        answered 200 with an HTML page, never carried out
  truncate       carried out, closed after half of the answer's body
  duplicate      carried out twice, the second answer arrives
  cut-request    the server gets half of it, both connections close
  silence        carried out, never answered
";

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Run(Args),
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Args {
    pub(crate) to: String,
    pub(crate) port: u16,
    pub(crate) seed: u64,
    pub(crate) rules: Vec<Rule>,
}

/// Reads the arguments, without the program's name. An error is one line.
pub(crate) fn parse(args: &[String]) -> Result<Command, String> {
    let mut read = Args::default();
    let mut rest = args.iter();
    while let Some(option) = rest.next() {
        if option == "--help" || option == "-h" {
            return Ok(Command::Help);
        }
        let known = ["--to", "--port", "--seed", "--fault", "--drop-header", "--delay"];
        if !known.contains(&option.as_str()) {
            return Err(format!("{option:?} is not an option; see --help"));
        }
        let value = rest.next().ok_or_else(|| format!("{option} needs a value"))?;
        match option.as_str() {
            "--to" => read.to.clone_from(value),
            "--port" => read.port = number(option, value)?,
            "--seed" => read.seed = number(option, value)?,
            _ => read.rules.push(rule(option, value)?),
        }
    }
    if read.to.is_empty() {
        return Err("--to HOST:PORT is missing; see --help".to_owned());
    }
    Ok(Command::Run(read))
}

/// `WHAT` or `WHAT=EVERY`.
fn rule(option: &str, value: &str) -> Result<Rule, String> {
    let (what, every) = value.split_once('=').unwrap_or((value, "1"));
    let every: u32 = number(option, every)?;
    if every == 0 {
        return Err(format!("{option}: one in 0 requests is none; the least is 1, which is each"));
    }
    let fault = match option {
        "--drop-header" => Fault::DropHeader(header(what)?),
        "--delay" => Fault::Delay(Duration::from_millis(number(option, what)?)),
        _ => named(what)?,
    };
    Ok(Rule::new(fault, every))
}

fn header(name: &str) -> Result<String, String> {
    if name.is_empty() || name.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b':') {
        return Err(format!("no header has the name {name:?}"));
    }
    if ["content-length", "transfer-encoding"].iter().any(|one| name.eq_ignore_ascii_case(one)) {
        return Err(format!("{name} is never dropped: it says where the body ends"));
    }
    Ok(name.to_owned())
}

fn named(name: &str) -> Result<Fault, String> {
    let found = Fault::NAMED.into_iter().find(|(one, _)| *one == name);
    found.map(|(_, fault)| fault).ok_or_else(|| {
        let names = Fault::NAMED.map(|(name, _)| name).join(", ");
        format!("{name:?} is not a fault; there are {names}")
    })
}

fn number<N: FromStr>(option: &str, text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("{option}: {text:?} is not a number that fits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn all_options_are_read() {
        let line = "--to localhost:9000 --port 8000 --seed 7 --fault cut-answer=5 --fault html \
                    --drop-header if-none-match=2 --delay 30";
        let rules = vec![
            Rule::new(Fault::CutAnswer, 5),
            Rule::new(Fault::Html, 1),
            Rule::new(Fault::DropHeader("if-none-match".to_owned()), 2),
            Rule::new(Fault::Delay(Duration::from_millis(30)), 1),
        ];
        let expected = Args { to: "localhost:9000".to_owned(), port: 8000, seed: 7, rules };
        assert_eq!(parsed(line), Ok(Command::Run(expected)));
    }

    #[test]
    fn the_help_names_each_fault() {
        assert_eq!(parsed("--to x --help"), Ok(Command::Help));
        for (name, _) in Fault::NAMED {
            assert!(USAGE.contains(&format!("\n  {name} ")), "{name}");
        }
    }

    #[test]
    fn bad_input_is_told_in_one_line() {
        let bad = [
            ("", "--to HOST:PORT is missing"),
            ("--to", "--to needs a value"),
            ("--frob", "\"--frob\" is not an option"),
            ("--to x --port 70000", "--port: \"70000\" is not a number that fits"),
            ("--to x --fault frob", "\"frob\" is not a fault; there are cut-answer, "),
            ("--to x --fault html=0", "one in 0 requests is none"),
            ("--to x --fault html=x", "--fault: \"x\" is not a number"),
            ("--to x --drop-header =2", "no header has the name \"\""),
            ("--to x --drop-header Content-Length", "Content-Length is never dropped"),
            ("--to x --delay soon", "--delay: \"soon\" is not a number"),
        ];
        for (line, expected) in bad {
            let message = parsed(line).expect_err(line);
            assert!(message.contains(expected) && !message.contains('\n'), "{line}: {message}");
        }
    }
}
