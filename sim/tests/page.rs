//! The page of a story: what its text says, that it asks for nothing from anywhere, and what a browser makes of it, in both of its
//! colour schemes and on a narrow screen.
//!
//! Where there is no Chromium, the tests that need one are skipped, by name; `.ci/tools` installs it where it can.

use asl_sim::case::Case;
use asl_sim::explain::explain;
use asl_sim::report::explain::page::page;
use asl_sim::target::find;
use libtest_mimic::{Arguments, Failed, Trial};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

const STORIES: [&str; 4] =
    ["name-not-synced", "bytes-left-by-no-space", "store-gone-on-btrfs", "misdirected-read"];
/// A browser that has not answered after so many seconds never will.
const BROWSER_SECONDS: &str = "60";

type Checked = Result<(), Failed>;
type Check = fn(&Path) -> Checked;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let browser = browser();
    let mut trials = vec![
        Trial::test("the_page_says_what_it_says", || {
            // Only the text: how it looks is for the eye. What the trace is, other tests say.
            let text = text_of(&page_of("name-not-synced"));
            let lines = text.lines().scan("", |before, line| Some((std::mem::replace(before, line), line)));
            let kept: Vec<&str> =
                lines.filter(|(before, _)| *before != "Trace").map(|(_, line)| line).collect();
            insta::assert_snapshot!("page_text", kept.join("\n"));
            Ok(())
        }),
        Trial::test("the_page_asks_for_nothing_from_anywhere", asks_for_nothing),
        Trial::test("what_a_host_names_is_text_and_nothing_else", names_are_text),
    ];
    let in_browser: [(&str, Check); 3] = [
        ("a_browser_shows_the_timeline_the_crash_and_the_table", shows_all),
        ("a_browser_draws_it_light_and_dark", draws_both),
        ("a_browser_has_nothing_to_complain_about", complains_of_nothing),
    ];
    for (name, check) in in_browser {
        let is_missing = browser.is_none();
        if is_missing {
            eprintln!("SKIPPED: {name}: there is no chromium (apt-get install chromium)");
        }
        let browser = browser.clone().unwrap_or_default();
        trials.push(Trial::test(name, move || check(&browser)).with_ignored_flag(is_missing));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A Chromium, by the names that distributions give it.
fn browser() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let dirs: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    let mut found = names.iter().flat_map(|name| dirs.iter().map(move |dir| dir.join(name)));
    found.find(|path| path.is_file())
}

fn page_of(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories").join(format!("{name}.json"));
    let case = Case::load(&path).expect("it can be read");
    let (_, explanation) = explain(&find(&case.target).expect("a built-in target"), &case);
    page(&explanation, &format!("{name}.json"), &format!("asl-sim replay {name}.json"))
}

/// What stands between the tags, a line for each piece.
fn text_of(page: &str) -> String {
    let body = page.split_once("<body>").expect("it has a body").1;
    let pieces = body.split('<').filter_map(|piece| piece.split_once('>')).map(|(_, text)| text.trim());
    pieces.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

fn asks_for_nothing() -> Checked {
    for name in STORIES {
        let page = page_of(name);
        for part in ["http:", "https:", "src=", "href=", "url(", "@import", "<script", "<link", " on"] {
            let inside_a_tag =
                page.split('<').filter_map(|tag| tag.split_once('>')).any(|(tag, _)| tag.contains(part));
            let in_the_style = page.split("<style>").nth(1).is_some_and(|rest| {
                part != " on" && rest.split("</style>").next().is_some_and(|style| style.contains(part))
            });
            if inside_a_tag || in_the_style {
                return Err(format!("{part:?} in the page of {name}").into());
            }
        }
    }
    Ok(())
}

fn names_are_text() -> Checked {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories/name-not-synced.json");
    let case = Case::load(&case).expect("it can be read");
    let (_, mut explanation) = explain(&find(&case.target).expect("a built-in target"), &case);
    explanation.rows[0].host = String::from("<script>alert(1)</script>");
    explanation.items[0].name = String::from("\"><img src=x>");
    let page = page(&explanation, "<b>", "x");
    if page.contains("<script") || page.contains("<img") || page.contains("<b>") {
        return Err("a name became markup".into());
    }
    Ok(())
}

/// A page on a disk, and a browser that has it open.
struct Sight {
    dir: tempfile::TempDir,
    browser: PathBuf,
}

impl Sight {
    fn new(browser: &Path, name: &str) -> Sight {
        let dir = tempfile::tempdir().expect("there is room");
        let mut file = File::create(dir.path().join("page.html")).expect("it can be made");
        file.write_all(page_of(name).as_bytes()).expect("there is room");
        Sight { dir, browser: browser.to_owned() }
    }

    /// What the browser writes on its standard output and standard error.
    fn look(&self, options: &[&str]) -> (String, String) {
        let dir = self.dir.path();
        let mut command = Command::new("timeout");
        command.args(["-k", "5", BROWSER_SECONDS]).arg(&self.browser).args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--enable-logging=stderr",
        ]);
        command.arg(format!("--user-data-dir={}", dir.join("profile").display()));
        command.args(options).arg(format!("file://{}", dir.join("page.html").display()));
        let output = command.current_dir(dir).stdin(Stdio::null()).output().expect("it can be started");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), text(&output.stderr))
    }

    /// The pixels of what it draws, three bytes each.
    fn pixels(&self, options: &[&str]) -> Vec<[u8; 3]> {
        let drawn = self.dir.path().join("drawn.png");
        let target = format!("--screenshot={}", drawn.display());
        let mut all = vec![target.as_str(), "--window-size=900,1600"];
        all.extend(options);
        self.look(&all);
        let file = std::io::BufReader::new(File::open(&drawn).expect("it has drawn something"));
        let mut reader = png::Decoder::new(file).read_info().expect("it is a picture");
        let mut bytes = vec![0; reader.output_buffer_size().expect("it is small")];
        let info = reader.next_frame(&mut bytes).expect("it is whole");
        let channels = info.color_type.samples();
        bytes[..info.buffer_size()].chunks(channels).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
    }
}

fn shows_all(browser: &Path) -> Checked {
    for name in STORIES {
        let (dom, said) = Sight::new(browser, name).look(&["--dump-dom"]);
        let parts = [
            "<h2 id=\"timeline\">Timeline</h2>",
            "<tr class=\"crash\">",
            "<line class=\"crash\"",
            "<tr class=\"violation\">",
            "Acknowledged, durable, came back",
            "<tr class=\"broken\">",
            "<h2 id=\"why\">What went wrong</h2>",
            "asl-sim replay",
        ];
        if let Some(part) = parts.iter().find(|part| !dom.contains(**part)) {
            return Err(format!("no {part} in the page of {name}: {dom}\n{said}").into());
        }
    }
    Ok(())
}

/// The colours of the page, from its style: its ground, and that of the row of a crash.
const LIGHT: [[u8; 3]; 2] = [[0xff, 0xff, 0xff], [0xb3, 0x26, 0x1e]];
const DARK: [[u8; 3]; 2] = [[0x11, 0x15, 0x1a], [0xff, 0x8f, 0x87]];

fn draws_both(browser: &Path) -> Checked {
    let sight = Sight::new(browser, "name-not-synced");
    let narrow = "--window-size=500,2400";
    for (scheme, other, options) in [
        (LIGHT, DARK, vec!["--blink-settings=preferredColorScheme=1"]),
        (DARK, LIGHT, vec!["--blink-settings=preferredColorScheme=0"]),
        (LIGHT, DARK, vec!["--blink-settings=preferredColorScheme=1", narrow]),
    ] {
        let pixels = sight.pixels(&options);
        let count = |colour: [u8; 3]| pixels.iter().filter(|pixel| **pixel == colour).count();
        let [ground, crash] = scheme;
        if count(ground) < pixels.len() / 2 || count(crash) < 2_000 || count(other[1]) > 0 {
            let counts = [ground, crash, other[1]].map(count);
            return Err(format!("{options:?}: of {} pixels {counts:?}", pixels.len()).into());
        }
    }
    Ok(())
}

fn complains_of_nothing(browser: &Path) -> Checked {
    for name in STORIES {
        let (_, said) = Sight::new(browser, name).look(&["--dump-dom"]);
        // Where the page itself is the cause, the browser says so with this word.
        if let Some(line) = said.lines().find(|line| line.contains("CONSOLE")) {
            return Err(format!("{name}: {line}").into());
        }
    }
    Ok(())
}
