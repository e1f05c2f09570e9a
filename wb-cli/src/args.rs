//! The command line as types; nothing is looked up or decided here.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use wb_policy::Tier;

/// Build, run, verify and ship toolkits: WebAssembly commands that get only what you grant.
#[derive(Debug, Parser)]
#[command(
    name = "wbx",
    version,
    max_term_width = 100,
    subcommand_required = true
)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
#[command(
    after_help = "Start with `wbx quickstart`. Exit codes: 0 done, 1 failed, 2 usage, \
    4 not found, 5 verification failed, 6 conflict, 124 time limit, 126 refused by policy, \
    127 no such command; a command that ran returns its own. Environment: \
    WB_HOME, WB_TOOLKITS_ROOT, WB_OFFLINE=1, WB_LOG=info, NO_COLOR."
)]
pub(crate) struct Wbx {
    /// Options that every verb takes.
    #[command(flatten)]
    pub(crate) common: Common,
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// The plainest command line, `wbx run NAME …`, read without the parser.
///
/// Half of what a small command costs would be the description of all the other
/// verbs. Anything with an option before the name is left to the parser.
pub(crate) fn plain_run(args: impl Iterator<Item = OsString>) -> Option<Wbx> {
    let mut args = args.skip(1);
    if args.next()? != "run" {
        return None;
    }
    let command = args
        .map(OsString::into_string)
        .collect::<Result<Vec<_>, _>>();
    let command = command.ok()?;
    if command.first()?.starts_with('-') {
        return None;
    }
    Some(Wbx {
        common: Common::default(),
        verb: Verb::Run(Run {
            bounds: Bounds {
                profile: DEFAULT_PROFILE.to_owned(),
                third_party_tier: None,
                tier: None,
            },
            report: false,
            command,
        }),
    })
}

/// The profile of a run that names none.
const DEFAULT_PROFILE: &str = "minimal";

/// Options that every verb takes.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_display_order = 900)]
pub(crate) struct Common {
    /// Print one JSON envelope instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colours: auto, always or never; `NO_COLOR` is honoured
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    pub(crate) color: Color,
    /// Never use the network; also `WB_OFFLINE=1`
    #[arg(long, global = true)]
    pub(crate) offline: bool,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// When the output is a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Author, build and share toolkits
    #[command(subcommand, visible_alias = "tk")]
    Toolkit(ToolkitVerb),
    /// Run a command: arguments, stdin, stdout and exit code pass through
    Run(Run),
    /// Call a function of a component, or list its functions
    Call(Call),
    /// List every version a command has had, the live one marked
    Versions(Named),
    /// Point a command at an earlier version
    Rollback(Rollback),
    /// Remove artifacts that no binding names, and what is over the bounds of the caches
    Gc(Gc),
    /// The compilers: wasm modules, pinned by digest
    #[command(subcommand)]
    Toolchain(ToolchainVerb),
    /// Secrets that guests may use and never read
    #[command(subcommand)]
    Secret(SecretVerb),
    /// Install the compilers and take a program from source file to installed toolkit
    Quickstart,
    /// Look over this machine and the nexus
    Doctor(Doctor),
    /// Print a completion script
    Completions {
        /// The shell to complete for
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write all pages to a directory
    Man {
        /// Directory for one page per verb
        dir: Option<PathBuf>,
    },
}

/// Verbs on toolkits.
#[derive(Debug, Subcommand)]
pub(crate) enum ToolkitVerb {
    /// List the toolkits there are
    List,
    /// Show a manifest with its skills, or one skill
    Show {
        /// Name of the toolkit
        id: String,
        /// Name of one of its skills
        skill: Option<String>,
    },
    /// Search manifests and skills for a text, case ignored
    Search {
        /// What to look for
        query: String,
    },
    /// Check a toolkit against its contract
    Verify(Verify),
    /// Compile a toolkit's source in the sandbox and register the artifact
    Build(Build),
    /// Write the types of a component's world, for programs in TypeScript
    Types(Types),
    /// Compile one source file in the sandbox and register it as a live command
    BuildInline(BuildInline),
    /// Write a source file out as a toolkit directory
    Promote(Promote),
    /// Pack a toolkit with its artifacts into one file
    Pack {
        /// Name of the toolkit
        id: String,
        /// The file to write; `NAME.wbundle` if absent, `-` for stdout
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Install a bundle: everything in it is registered, or nothing
    Install(Install),
    /// Forget a command, one of its versions, or an installed toolkit with its commands
    Remove(Remove),
    /// Consent to capabilities that a third-party toolkit asks for
    Grant(Grant),
    /// Take back a consent, or some of its capabilities, from runs under way too
    Revoke {
        /// Name of the toolkit
        id: String,
        /// The capabilities to take back; all if none is named
        caps: Vec<String>,
    },
    /// List the consents there are
    Grants,
    /// Print what the data source of a toolkit has, a line of JSON for each row
    Rows(Rows),
    /// Run a task recipe of a toolkit
    Run(TaskRun),
}

/// What to build.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// Name of the toolkit
    pub(crate) id: String,
    /// Which artifact, if the manifest declares several
    pub(crate) which: Option<String>,
    #[command(flatten)]
    pub(crate) options: BuildOptions,
    /// Build third-party code that nobody has signed
    #[arg(long)]
    pub(crate) allow_unsigned: bool,
    /// Take names over that are commands of another toolkit
    #[arg(long)]
    pub(crate) replace: bool,
}

/// Whose types to write.
#[derive(Debug, Args)]
pub(crate) struct Types {
    /// Name of the toolkit
    pub(crate) id: String,
    /// Which component, if the manifest declares several
    pub(crate) which: Option<String>,
    /// The file to write; `WORLD.d.ts` beside the sources if absent, `-` for stdout
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// What to build from one file.
#[derive(Debug, Args)]
pub(crate) struct BuildInline {
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) options: BuildOptions,
    /// How the command takes its arguments
    #[arg(long, value_name = "MODE", value_parser = ["argv", "stdin1"], default_value = "argv")]
    pub(crate) arg_mode: String,
    /// What to make of the source: command, component or kernel
    #[arg(long, value_name = "SHAPE", default_value = "command")]
    #[arg(hide_possible_values = true)]
    pub(crate) shape: BuiltShape,
    /// File with the WIT of a component's own world
    #[arg(long, value_name = "FILE")]
    pub(crate) wit: Option<PathBuf>,
    /// World of a component; the only one of `--wit` if absent, else `engine`
    #[arg(long, value_name = "NAME")]
    pub(crate) world: Option<String>,
    /// Function that is called unless another is named; the only one if absent, else `run`, for a
    /// kernel `process`
    #[arg(long, value_name = "NAME")]
    pub(crate) entry: Option<String>,
    /// Capabilities the command declares, separated by spaces or commas
    #[arg(
        long,
        value_name = "CAPS",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) caps: String,
    /// Take the name over from a command of a toolkit
    #[arg(long, visible_alias = "force")]
    pub(crate) replace: bool,
}

/// What one source file can be made into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BuiltShape {
    /// Arguments and standard input to standard output.
    Command,
    /// Functions with types.
    Component,
    /// Bytes to bytes, many times.
    Kernel,
}

/// What to write out.
#[derive(Debug, Args)]
pub(crate) struct Promote {
    #[command(flatten)]
    pub(crate) source: Source,
    /// One sentence: when to reach for it
    #[arg(long)]
    pub(crate) tagline: Option<String>,
    /// Write over files of the toolkit that were edited since
    #[arg(long)]
    pub(crate) force: bool,
}

/// Which recipe to run.
#[derive(Debug, Args)]
pub(crate) struct TaskRun {
    /// Name of the toolkit
    pub(crate) id: String,
    /// Name of the task
    pub(crate) task: String,
    #[command(flatten)]
    pub(crate) bounds: Bounds,
    /// Print the calls that would run, and run nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Arguments for the recipe
    #[arg(last = true)]
    pub(crate) args: Vec<String>,
}

/// Which rows to ask for.
#[derive(Debug, Args)]
pub(crate) struct Rows {
    /// Name of the toolkit
    pub(crate) id: String,
    /// What to ask for; what there is if absent
    pub(crate) entity: Option<String>,
    /// Profile that bounds the request; it has to grant `net`
    #[arg(long, value_name = "NAME", default_value = "network")]
    pub(crate) profile: String,
}

/// A source file and what to call it.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// Name of the command
    pub(crate) name: String,
    /// Language of the source: c, c++, js, ts
    pub(crate) lang: String,
    /// The source file; `-` for stdin
    pub(crate) file: PathBuf,
}

/// How to build.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct BuildOptions {
    /// Check types as well (TypeScript)
    #[arg(long)]
    pub(crate) check: bool,
    /// Compilers to run at once; one per core if absent
    #[arg(short, long, value_name = "N")]
    pub(crate) jobs: Option<std::num::NonZeroUsize>,
    /// Print the steps instead of running them
    #[arg(long)]
    pub(crate) plan: bool,
}

/// What to install.
#[derive(Debug, Args)]
pub(crate) struct Install {
    /// The bundle; `-` for stdin
    pub(crate) bundle: PathBuf,
    /// The sha256 that the bundle must have
    #[arg(long, value_name = "SHA256")]
    pub(crate) sha: Option<String>,
    /// Treat it as somebody else's code whatever its manifest says
    #[arg(long)]
    pub(crate) third_party: bool,
    /// Take third-party code that nobody has signed
    #[arg(long)]
    pub(crate) allow_unsigned: bool,
    /// Take names over that are commands of another toolkit
    #[arg(long)]
    pub(crate) replace: bool,
}

/// What to forget.
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// Name of the command, or of an installed toolkit
    pub(crate) name: String,
    /// First digits of one version's sha256; all versions if absent
    pub(crate) sha: Option<String>,
}

/// What to consent to.
#[derive(Debug, Args)]
pub(crate) struct Grant {
    /// Name of the toolkit
    pub(crate) id: String,
    /// The capabilities to grant
    #[arg(required = true)]
    pub(crate) caps: Vec<String>,
    /// Consent before the toolkit is here
    #[arg(long)]
    pub(crate) ahead: bool,
    /// Only for the artifact with this sha256
    #[arg(long, value_name = "SHA256")]
    pub(crate) artifact: Option<String>,
    /// Let `net` and `browse` reach only this host: `[SCHEME://]HOST[:PORT]`, `*.` for all below
    #[arg(long = "host", value_name = "HOST")]
    pub(crate) hosts: Vec<String>,
    /// Let a capability reach only this: `kv=cache-*`, `vfs=workspace/notes`, `llm=MODEL`
    #[arg(long = "scope", value_name = "CAP=PATTERN")]
    pub(crate) scopes: Vec<String>,
}

/// What to verify.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Names of toolkits, or paths to their directories
    #[arg(
        value_name = "ID",
        required_unless_present = "all",
        conflicts_with = "all"
    )]
    pub(crate) ids: Vec<String>,
    /// Every toolkit under the root
    #[arg(long)]
    pub(crate) all: bool,
    /// Form of the report
    #[arg(
        long,
        value_name = "FORM",
        default_value = "text",
        conflicts_with = "json"
    )]
    pub(crate) format: Format,
}

/// Form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For code scanning services.
    Sarif,
    /// For CI servers.
    Junit,
}

/// What a run may use at most.
#[derive(Debug, Args)]
pub(crate) struct Bounds {
    /// Profile that bounds the run: compute, minimal, network, posix or one of your own
    #[arg(long, value_name = "NAME", default_value = DEFAULT_PROFILE)]
    pub(crate) profile: String,
    /// Weakest isolation accepted for third-party code: instance, process, vm or container;
    /// that of `config.toml` if absent, else process
    #[arg(long, value_name = "TIER", value_parser = tier)]
    pub(crate) third_party_tier: Option<Tier>,
    /// Isolate the run at least like this: instance, process, vm or container
    #[arg(long, value_name = "TIER", value_parser = tier)]
    pub(crate) tier: Option<Tier>,
}

fn tier(name: &str) -> Result<Tier, String> {
    let found = Tier::ALL.into_iter().find(|tier| tier.name() == name);
    found.ok_or_else(|| "expected instance, process, vm or container".to_owned())
}

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) bounds: Bounds,
    /// Say on stderr what the run took: time, memory, calls and bytes of each capability
    #[arg(long)]
    pub(crate) report: bool,
    /// Name of the command, then its arguments; a first `--` is passed over
    // One argument, so that everything after the name is the guest's.
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true)]
    #[arg(allow_hyphen_values = true)]
    pub(crate) command: Vec<String>,
}

/// What to call.
#[derive(Debug, Args)]
pub(crate) struct Call {
    #[command(flatten)]
    pub(crate) bounds: Bounds,
    /// Say on stderr what the call took
    #[arg(long)]
    pub(crate) report: bool,
    /// Name of the component
    pub(crate) name: String,
    /// Name of the function: `run`, or `demo:shapes/area@1.0.0#circle`; lists them if absent
    pub(crate) function: Option<String>,
    /// Its values in WAVE, or with `--json` in JSON
    #[arg(allow_negative_numbers = true)]
    pub(crate) values: Vec<String>,
}

impl Run {
    /// The name of the command and the arguments it gets.
    pub(crate) fn split(&self) -> (&str, &[String]) {
        let (name, args) = self
            .command
            .split_first()
            .map_or(("", &[][..]), |(name, args)| (name.as_str(), args));
        match args.split_first() {
            Some((dashes, rest)) if dashes == "--" => (name, rest),
            _ => (name, args),
        }
    }
}

/// A command by name.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// Name of the command
    pub(crate) name: String,
}

/// Where to roll back to.
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// Name of the command
    pub(crate) name: String,
    /// First digits of the version's sha256; the version before the live one if absent
    pub(crate) sha: Option<String>,
}

/// What to remove.
#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// Say what would go and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// How to look over the machine.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Mend what can be mended
    #[arg(long)]
    pub(crate) repair: bool,
}

/// Verbs on secrets.
#[derive(Debug, Subcommand)]
pub(crate) enum SecretVerb {
    /// Keep the value on standard input under a name; one line end after it is dropped
    Set(SecretSet),
    /// List names, kinds and hosts; values are never shown
    List {
        /// Those that no guest can name
        #[arg(long)]
        deployer: bool,
    },
    /// Forget a secret
    Remove {
        /// Its name
        name: String,
        /// One that no guest can name
        #[arg(long)]
        deployer: bool,
    },
}

/// What to keep.
#[derive(Debug, Args)]
pub(crate) struct SecretSet {
    /// What guests call it
    pub(crate) name: String,
    /// A host it may be sent to: `[SCHEME://]HOST[:PORT]`, `*.` for all below; never sent if absent
    #[arg(long = "host", value_name = "HOST")]
    pub(crate) hosts: Vec<String>,
    /// The value is the seed of an Ed25519 key, 64 hex digits: guests sign with it
    #[arg(long, conflicts_with = "hosts")]
    pub(crate) signing_key: bool,
    /// A key of the deployer, such as the one to the language model: no guest can name it
    #[arg(long)]
    pub(crate) deployer: bool,
}

/// Verbs on compilers.
#[derive(Debug, Subcommand)]
pub(crate) enum ToolchainVerb {
    /// List the packs, and which are installed
    List,
    /// Install packs; all that the lanes need if none is named
    Install {
        /// Names of packs
        packs: Vec<String>,
    },
    /// Hash every installed file against the lock
    Verify {
        /// Names of packs
        packs: Vec<String>,
    },
    /// Write installed packs to one file for machines without a network
    Export {
        /// The file to write
        file: PathBuf,
        /// Names of packs
        packs: Vec<String>,
    },
    /// Install packs from a file that `export` wrote
    Import {
        /// The file to read
        file: PathBuf,
    },
    /// Remove installed packs
    Remove {
        /// Names of packs
        #[arg(required = true)]
        packs: Vec<String>,
    },
}

impl Verb {
    /// The verb as the envelope names it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Toolkit(verb) => verb.name(),
            Self::Run(_) => "run",
            Self::Call(_) => "call",
            Self::Versions(_) => "versions",
            Self::Rollback(_) => "rollback",
            Self::Gc(_) => "gc",
            Self::Toolchain(verb) => verb.name(),
            Self::Secret(verb) => verb.name(),
            Self::Quickstart => "quickstart",
            Self::Doctor(_) => "doctor",
            Self::Completions { .. } => "completions",
            Self::Man { .. } => "man",
        }
    }
}

impl ToolkitVerb {
    fn name(&self) -> &'static str {
        match self {
            Self::List => "toolkit list",
            Self::Show { .. } => "toolkit show",
            Self::Search { .. } => "toolkit search",
            Self::Verify(_) => "toolkit verify",
            Self::Build(_) => "toolkit build",
            Self::Types(_) => "toolkit types",
            Self::BuildInline(_) => "toolkit build-inline",
            Self::Promote(_) => "toolkit promote",
            Self::Pack { .. } => "toolkit pack",
            Self::Install(_) => "toolkit install",
            Self::Remove(_) => "toolkit remove",
            Self::Grant(_) => "toolkit grant",
            Self::Revoke { .. } => "toolkit revoke",
            Self::Grants => "toolkit grants",
            Self::Rows(_) => "toolkit rows",
            Self::Run(_) => "toolkit run",
        }
    }
}

impl SecretVerb {
    fn name(&self) -> &'static str {
        match self {
            Self::Set(_) => "secret set",
            Self::List { .. } => "secret list",
            Self::Remove { .. } => "secret remove",
        }
    }
}

impl ToolchainVerb {
    fn name(&self) -> &'static str {
        match self {
            Self::List => "toolchain list",
            Self::Install { .. } => "toolchain install",
            Self::Verify { .. } => "toolchain verify",
            Self::Export { .. } => "toolchain export",
            Self::Import { .. } => "toolchain import",
            Self::Remove { .. } => "toolchain remove",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Wbx::command().debug_assert();
    }

    #[test]
    fn what_follows_the_name_belongs_to_the_guest() {
        let parse = |line: &str| Wbx::try_parse_from(line.split(' ')).unwrap();
        for (line, expected) in [
            ("wbx run slug --json -x", vec!["--json", "-x"]),
            ("wbx run slug -- --sep _", vec!["--sep", "_"]),
            (
                "wbx run --profile compute slug a -- b",
                vec!["a", "--", "b"],
            ),
        ] {
            let parsed = parse(line);
            let Verb::Run(run) = parsed.verb else {
                panic!("{line}")
            };
            let (name, args) = run.split();
            assert_eq!((name, parsed.common.json), ("slug", false), "{line}");
            assert_eq!(args, expected, "{line}");
        }
        let plain = |line: &str| plain_run(line.split(' ').map(OsString::from));
        for line in [
            "wbx run slug --json -x",
            "wbx run slug -- --sep _",
            "wbx run slug",
        ] {
            let (ours, theirs) = (plain(line).unwrap(), parse(line));
            assert_eq!(format!("{ours:?}"), format!("{theirs:?}"), "{line}");
        }
        for line in ["wbx run", "wbx run --json x", "wbx toolkit run a b", "wbx"] {
            assert!(plain(line).is_none(), "{line}");
        }
        assert!(parse("wbx --json run slug").common.json);
        assert!(parse("wbx toolkit list --json").common.json);
    }

    #[test]
    fn verify_wants_a_toolkit_or_all_of_them() {
        let parse = |line: &str| Wbx::try_parse_from(line.split(' '));
        assert!(parse("wbx toolkit verify").is_err());
        assert!(parse("wbx toolkit verify slug --all").is_err());
        assert!(parse("wbx toolkit verify --all --format sarif").is_ok());
        assert!(parse("wbx toolkit verify slug").is_ok());
    }
}
