/// The keywords a manifest knows.
macro_rules! keys {
    ($($(#[$docs:meta])* $variant:ident = $name:literal,)+) => {
        /// A keyword of a manifest.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Key {
            $($(#[$docs])* $variant,)+
        }

        impl Key {
            /// Every keyword, in documentation order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name between `#+` and `:`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

keys! {
    /// Title for people.
    Title = "TITLE",
    /// Id: slug, directory name and `:ID:` at once.
    Toolkit = "TOOLKIT",
    /// Version of the wrapper.
    Version = "VERSION",
    /// How far it has come.
    Status = "STATUS",
    /// One sentence: when to reach for it.
    Tagline = "TAGLINE",
    /// How the artifact is invoked.
    Exec = "EXEC",
    /// Whose code it is.
    Trust = "TRUST",
    /// Capabilities the artifact may use.
    Caps = "CAPS",
    /// Language of the sources.
    BuildLang = "BUILD_LANG",
    /// Where the artifact comes from.
    BuildSrc = "BUILD_SRC",
    /// Name the command or kernel is registered by.
    CliBin = "CLI_BIN",
    /// Versions of the upstream program that the skills assume.
    CliVersionRange = "CLI_VERSION_RANGE",
    /// Further programs that the skills assume.
    Requires = "REQUIRES",
    /// How a command receives its arguments.
    ArgMode = "ARG_MODE",
    /// Digest of a prebuilt artifact.
    Sha256 = "SHA256",
    /// The module inside of an archive.
    WasmPath = "WASM_PATH",
    /// The directory of an archive that the module sees.
    Preopen = "PREOPEN",
    /// Who signed it.
    AuthorDid = "AUTHOR_DID",
    /// The signature.
    Signature = "SIGNATURE",
    /// The WIT world of a component.
    Wit = "WIT",
    /// The export that is called.
    Entry = "ENTRY",
    /// Address of a data source.
    Url = "URL",
    /// Where the rows are in an answer.
    RowsPath = "ROWS_PATH",
    /// Names of the credentials a data source needs.
    EnvKeys = "ENV_KEYS",
    /// Tables a data source offers.
    Entities = "ENTITIES",
    /// How often a data source is mirrored.
    IntervalMs = "INTERVAL_MS",
    /// Where the skills are.
    SkillDir = "SKILL_DIR",
    /// Name of a palette entry.
    Runtime = "RUNTIME",
}

/// Keywords of Org itself and those that real manifests carry for people; they
/// mean nothing here and are no findings.
const OTHERS: &[&str] = &[
    "ARCHIVE",
    "AUTHOR",
    "BIND",
    "CALL",
    "CATEGORY",
    "COLUMNS",
    "CONSTANTS",
    "CREATOR",
    "DATE",
    "DESCRIPTION",
    "EMAIL",
    "EXCLUDE_TAGS",
    "EXPORT_FILE_NAME",
    "FILETAGS",
    "INCLUDE",
    "KEYWORDS",
    "LANGUAGE",
    "LINK",
    "MACRO",
    "OPTIONS",
    "PRIORITIES",
    "PROPERTY",
    "SELECT_TAGS",
    "SEQ_TODO",
    "SETUPFILE",
    "STARTUP",
    "SUBTITLE",
    "TAGS",
    "TBLFM",
    "TODO",
    "TYP_TODO",
    "CEM",
    "ENV_NOTE",
    "FLOW",
    "IMPORTED_FROM",
    "KIND",
];

impl Key {
    /// The keyword `name`, in any case.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|key| key.name().eq_ignore_ascii_case(name))
    }
}

/// Whether `name` is a keyword that has its meaning elsewhere.
pub(crate) fn is_foreign(name: &str) -> bool {
    let prefixed = |prefix: &str| {
        name.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    OTHERS.iter().any(|other| other.eq_ignore_ascii_case(name))
        || prefixed("HTML_")
        || prefixed("LATEX_")
}
