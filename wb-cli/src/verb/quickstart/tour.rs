use std::path::Path;

use bytes::Bytes;
use clap::Parser as _;
use wb_dock::Invocation;
use wb_manifest::Digest;

use crate::args::{Verb, Wbx};
use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input;
use crate::ui::Ui;
use crate::verb;

/// The arguments that `slug` runs with.
const ARGS: [&str; 4] = ["--separator", "_", "--max", "40"];

/// Lines of output that are shown.
const SHOWN: usize = 4;

/// One nexus of the tour.
pub(super) struct Tour {
    env: Env,
    ui: Ui,
}

/// What the first nexus made.
pub(super) struct Climb {
    /// The artifact of `slug`.
    pub(super) artifact: Digest,
    /// The digest of the bundle.
    pub(super) bundle: Digest,
    /// What `slug` wrote.
    output: Bytes,
}

impl Tour {
    pub(super) fn new(env: Env, ui: Ui) -> Self {
        Self { env, ui }
    }

    /// The three rungs up to a bundle.
    pub(super) fn climb(&self) -> Result<Climb, Failure> {
        self.ui
            .say("Rung one, the session: one file becomes a live command.\n");
        self.verb("toolkit build-inline slug js slug.js")?;
        let artifact = self.artifact()?;
        let output = self.slug()?;

        self.ui
            .say("Rung two, the workspace: the same source as a toolkit, built again.\n");
        self.verb("toolkit promote slug js slug.js")?;
        self.verb("toolkit build slug")?;
        if self.artifact()? != artifact {
            return Err(wrong("the toolkit's build differs from the session's"));
        }
        self.verb("toolkit verify slug")?;

        self.ui
            .say("Rung three, the registry: one file that installs elsewhere.\n");
        self.verb("toolkit pack slug")?;
        let bundle = Digest::of(&input::read(Path::new("slug.wbundle"), &self.env)?);
        Ok(Climb {
            artifact,
            bundle,
            output,
        })
    }

    /// Another nexus: install by pin, and run.
    pub(super) fn arrive(&self, climb: &Climb) -> Result<(), Failure> {
        self.ui
            .say("A second nexus takes the bundle only if it is the pinned one.\n");
        self.verb(&format!(
            "toolkit install slug.wbundle --sha {}",
            climb.bundle
        ))?;
        if self.slug()? != climb.output {
            return Err(wrong("`slug` answers differently in the second nexus"));
        }
        Ok(())
    }

    /// A program that wants more than it is granted; gives the refusal.
    pub(super) fn refuse(&self) -> Result<String, Failure> {
        self.ui
            .say("A program that imports what it was not granted does not start.\n");
        self.verb("toolkit build-inline ask js ask.js")?;
        self.ui.say("$ wbx run --profile compute ask");
        let nexus = self.env.nexus();
        let profile = nexus.profile("compute")?;
        match nexus.run("ask", Invocation::new("ask"), &profile) {
            Err(error) if error.code() == "dock/not-granted" => {
                self.ui.say(&format!("error[{}]: {error}\n", error.code()));
                Ok(error.to_string())
            }
            Err(other) => Err(other.into()),
            Ok(_) => Err(wrong("`ask` ran without the capability that it needs")),
        }
    }

    /// Runs a verb as if it had been typed, and shows both.
    fn verb(&self, line: &str) -> Result<(), Failure> {
        self.ui.say(&format!("$ wbx {line}"));
        let words = ["wbx"].into_iter().chain(line.split(' '));
        let parsed = Wbx::try_parse_from(words).map(|parsed| parsed.verb);
        let Ok(Verb::Toolkit(verb)) = parsed else {
            return Err(wrong(&format!("`{line}` is no verb on toolkits")));
        };
        let done = verb::toolkit::run(&verb, &self.env, self.ui)?;
        if done.exit != Exit::Done {
            self.ui.say(&done.text);
            return Err(wrong(&format!("`wbx {line}` failed")));
        }
        self.ui.say(&format!("{}\n", done.text));
        Ok(())
    }

    /// Runs `slug` on the titles and shows the first lines of what it says.
    fn slug(&self) -> Result<Bytes, Failure> {
        self.ui.say(&format!(
            "$ wbx run slug -- {} < titles.txt",
            ARGS.join(" ")
        ));
        let nexus = self.env.nexus();
        let profile = nexus.profile("compute")?;
        let stdin = input::read(Path::new("titles.txt"), &self.env)?;
        let invocation = Invocation::new("slug").args(ARGS).stdin(stdin);
        let outcome = nexus.run("slug", invocation, &profile)?;
        let text = String::from_utf8_lossy(&outcome.stdout);
        if outcome.exit_code != 0 || text.lines().count() != super::TITLES {
            return Err(wrong("`slug` did not answer every line"));
        }
        let shown: Vec<_> = text.lines().take(SHOWN).collect();
        let more = super::TITLES - SHOWN;
        self.ui
            .say(&format!("{}\n… and {more} more lines\n", shown.join("\n")));
        Ok(outcome.stdout)
    }

    /// The artifact that `slug` stands for.
    fn artifact(&self) -> Result<Digest, Failure> {
        Ok(self.env.nexus().resolve("slug")?.digest)
    }
}

/// A step that did not do what the tour says it does.
fn wrong(message: &str) -> Failure {
    Failure::new(Exit::Failed, "cli/quickstart", message)
        .hint("`wbx doctor` looks over this machine and the nexus")
}
