//! From options to what a campaign wants of its scenarios, and back to the options that say the same.

use super::Status;
use super::args::WorldArgs;
use super::error::Error;
use crate::base::words::shell_word;
use crate::hosts::Target;
use crate::scenario::generate::Wishes;
use crate::scenario::{FaultClass, FaultKind, Profile, Runtime};

/// The classes that a list of faults may name.
pub(super) const CLASSES: [(FaultClass, &str); 4] = [
    (FaultClass::Crash, "processes are killed and the power goes, also inside recovery; calls succeed"),
    (FaultClass::Error, "calls fail, space runs out, and processes and power fail too"),
    (
        FaultClass::Media,
        "the medium breaks its own contract: a host must notice, it cannot survive (only when asked for)",
    ),
    (FaultClass::None, "neither crash nor fault"),
];

/// What the options ask for; what they do not say is as usual for the target.
pub(super) fn wishes(args: &WorldArgs, target: &Target) -> Result<Wishes, Error> {
    let WorldArgs { clients, ops, crashes, .. } = *args;
    let runtime = args.runtime.unwrap_or_default();
    check_runtime(runtime)?;
    if runtime == Runtime::Madsim && target.is_a_program() {
        return Err(Error::new("a host that is a program has a runtime of its own: leave out --runtime"));
    }
    let mut wishes = Wishes { clients, ops, crashes, runtime, ..target.wishes() };
    if let Some(name) = &args.profile {
        wishes.profile = profile_for(target, name)?;
    }
    if let Some(list) = &args.faults {
        (wishes.classes, wishes.kinds) = faults(list)?;
    }
    Ok(wishes)
}

/// Whether this build can make such runs.
pub(super) fn check_runtime(runtime: Runtime) -> Result<(), Error> {
    if runtime.is_built_in() {
        return Ok(());
    }
    let hint = "RUSTFLAGS=\"--cfg madsim --cfg tokio_unstable\" cargo build --release --package asl-sim --features madsim --target-dir target/madsim";
    let missing = Error::new(format!("this build has no runtime {:?}", runtime.as_str()));
    Err(missing.status(Status::Unavailable).hint(format!("build one that has it: {hint}")))
}

/// The profile of this name, if it is one that the target's medium can have.
pub(super) fn profile_for(target: &Target, name: &str) -> Result<Profile, Error> {
    profile(name, target.usual_profile(), target.name())
}

/// The profile of this name, if it is of the same medium as the usual one of whoever keeps its bytes there.
pub(super) fn profile(name: &str, usual: Profile, whose: &str) -> Result<Profile, Error> {
    let Some(found) = Profile::named(name) else {
        let own = usual.of_the_same_medium().map(Profile::as_str);
        return Err(Error::unknown("profile", name, "profiles", own));
    };
    if found.is_of_the_medium_of(usual) {
        return Ok(found);
    }
    let names: Vec<&str> = usual.of_the_same_medium().map(Profile::as_str).collect();
    let (other, medium) = (found.medium(), usual.medium());
    let text = format!("the profile {name:?} is one of {other}, and {whose} keeps its bytes in {medium}");
    Err(Error::new(text).hint(format!("its profiles: {}", names.join(", "))))
}

/// Classes in their order, so that the order of the list does not matter; and single kinds, if only they are wanted.
fn faults(list: &str) -> Result<(Vec<FaultClass>, Vec<FaultKind>), Error> {
    let (mut whole, mut kinds) = (Vec::new(), Vec::new());
    for name in list.split(',').map(str::trim) {
        if let Some(&(class, _)) = CLASSES.iter().find(|(class, _)| class.as_str() == name) {
            whole.push(class);
        } else if let Ok(kind) = name.parse::<FaultKind>() {
            kinds.push(kind);
        } else if name.is_empty() {
            return Err(
                Error::new("an empty name in the list of faults").hint("`--faults none` injects nothing")
            );
        } else {
            let classes = CLASSES.iter().map(|(class, _)| class.as_str());
            let kinds = FaultKind::ALL.iter().map(|(kind, ..)| kind.as_str());
            return Err(Error::unknown("fault", name, "faults", classes.chain(kinds)));
        }
    }
    if whole.contains(&FaultClass::None)
        && (whole.iter().any(|&class| class != FaultClass::None) || !kinds.is_empty())
    {
        return Err(Error::new("the fault class \"none\" cannot be combined with others"));
    }
    let class_of =
        |kind: FaultKind| FaultKind::ALL.iter().find(|(of, ..)| *of == kind).expect("all are there").1;
    kinds.retain(|&kind| !whole.contains(&class_of(kind)));
    if !kinds.is_empty() {
        // A class beside single kinds stands for all of its kinds.
        let of_whole = FaultKind::ALL.iter().filter(|(_, class, _)| whole.contains(class));
        kinds.extend(of_whole.map(|(kind, ..)| *kind));
        whole.extend(kinds.iter().map(|&kind| class_of(kind)));
    }
    whole.sort_unstable();
    whole.dedup();
    kinds.sort_unstable();
    kinds.dedup();
    Ok((whole, kinds))
}

/// The options that say the same, each with a space before it; none for what the target has unless it is told otherwise.
pub(super) fn options(wishes: &Wishes, target: &Target) -> String {
    option_words(wishes, target).iter().fold(String::new(), |text, word| text + " " + &shell_word(word))
}

/// The same options, word by word.
pub(super) fn option_words(wishes: &Wishes, target: &Target) -> Vec<String> {
    let usual = target.wishes();
    let profile = (wishes.profile != usual.profile).then(|| wishes.profile.as_str().to_owned());
    let usual_faults = (&wishes.classes, &wishes.kinds) == (&usual.classes, &usual.kinds);
    let options = [
        ("profile", profile),
        ("faults", (!usual_faults).then(|| fault_list(wishes))),
        ("clients", wishes.clients.map(|clients| clients.to_string())),
        ("ops", wishes.ops.map(|ops| ops.to_string())),
        ("crashes", wishes.crashes.map(|crashes| crashes.to_string())),
        ("runtime", (wishes.runtime != usual.runtime).then(|| wishes.runtime.as_str().to_owned())),
    ];
    options.into_iter().filter_map(|(name, value)| Some([format!("--{name}"), value?])).flatten().collect()
}

/// The list of faults that says the same.
pub(super) fn fault_list(wishes: &Wishes) -> String {
    let names: Vec<&str> = if wishes.kinds.is_empty() {
        wishes.classes.iter().map(|class| class.as_str()).collect()
    } else {
        wishes.kinds.iter().map(|kind| kind.as_str()).collect()
    };
    names.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &str) -> Wishes {
        let (classes, kinds) = faults(list).expect("it can be read");
        Wishes { classes, kinds, ..Wishes::default() }
    }

    #[test]
    fn a_list_of_faults_is_read_as_it_is_written() {
        for list in [
            "none",
            "crash",
            "error",
            "crash,error",
            "read-eio",
            "cancel",
            "cancel,sync-eio",
            "crash,read-eio",
        ] {
            let wishes = read(list);
            assert_eq!(read(&fault_list(&wishes)), wishes, "{list}");
        }
    }

    #[test]
    fn options_that_are_printed_say_what_was_wished_of_targets_with_usual_worlds_of_their_own() {
        // A host whose usual bucket is none of the strictest was repeated, and replayed, there when it had been run on the strictest.
        for target in crate::catalogue::built_in() {
            let others = target.usual_profile().of_the_same_medium();
            let classes =
                [vec![FaultClass::None], vec![FaultClass::Crash, FaultClass::Error], vec![FaultClass::Media]];
            for (profile, classes) in
                others.flat_map(|profile| classes.clone().map(|classes| (profile, classes)))
            {
                let wished = Wishes { profile, classes, ..target.wishes() };
                let words = option_words(&wished, &target);
                let said = |name: &str| words.iter().position(|word| word == name).map(|at| &words[at + 1]);
                let read = said("--profile")
                    .map_or(target.usual_profile(), |name| Profile::named(name).expect("one"));
                let faults = said("--faults")
                    .map_or(target.usual_faults().to_vec(), |list| faults(list).expect("some").0);
                assert_eq!((read, faults), (wished.profile, wished.classes), "{}: {words:?}", target.name());
            }
        }
    }

    #[test]
    fn the_order_of_a_list_does_not_matter() {
        assert_eq!(read("error,crash"), read("crash,error"));
        assert_eq!(read("error,crash"), Wishes::default());
    }

    #[test]
    fn a_kind_of_a_class_that_is_listed_adds_nothing() {
        assert_eq!(read("error,read-eio"), read("error"));
    }

    #[test]
    fn a_single_kind_leaves_out_the_others_of_its_class() {
        let wishes = read("sync-eio");
        assert_eq!((wishes.classes, wishes.kinds), (vec![FaultClass::Error], vec![FaultKind::SyncEio]));
    }

    #[test]
    fn unknown_and_contradictory_lists_are_refused() {
        for (list, part) in [
            ("crsh", "did you mean \"crash\"?"),
            ("none,crash", "cannot be combined"),
            ("none,read-eio", "cannot be combined"),
            ("crash,,error", "an empty name"),
            ("", "an empty name"),
        ] {
            let text = faults(list).expect_err("it is refused").to_string();
            assert!(text.contains(part), "{list}: {text}");
        }
    }
}
