//! Every table and key of `pack.toml`, as data: what the parser takes, what a message suggests and what the schema says.

use crate::lambda::{
    ALIAS, BATCH_SIZE, BUCKET, Bounds, EPHEMERAL_STORAGE, LOG_RETENTION, MAXIMUM_CONCURRENCY, MEMORY, NameRule,
    PublicLayer, REPOSITORY, ROLE, TEMPLATE, TIMEOUT,
};

/// A key of a table.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// What it means, for the schema.
    pub(super) says: &'static str,
    /// A line that is right.
    pub(super) example: &'static str,
}

/// What a key takes.
#[derive(Debug)]
pub(super) enum Kind {
    /// Any text that is not empty.
    Text,
    /// A path below the project's folder, or any other.
    Path,
    /// `MODULE.FUNCTION`.
    Handler,
    /// A glob over paths in the artifact.
    Glob,
    /// An AWS Region.
    Region,
    /// The ARN of a layer.
    LayerArn,
    /// `true` or `false`.
    Flag,
    /// A whole number within what Lambda takes.
    Number(&'static Bounds),
    /// One of these numbers.
    NumberOf(&'static [u32]),
    /// A name by a rule of AWS's.
    Name(&'static NameRule),
    /// A whole number from 1, or a table of such by Python version or target.
    Versions,
    /// Bytes: a number, or a text such as `200 MB`.
    Bytes,
    /// The same, or a share of something: `80 %`.
    Amount,
    /// Names of distributions, each with an amount.
    Distributions,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A runtime's Python, as text: 3.10 as a number is 3.1.
    Python,
    /// `x86_64` or `arm64`.
    Architecture,
    /// Several.
    List(&'static Self),
    /// One, or several.
    OneOrMore(&'static Self),
    /// Names with texts.
    Texts,
    /// Environment variables.
    Variables,
    /// A table with these keys.
    Table(&'static [Key]),
    /// Tables by a name of the user's: `[functions.report]`.
    Named(&'static [Key]),
    /// A list of tables with these keys.
    Rows(&'static [Key]),
}

/// How much is slimmed.
pub(super) const SLIM: &[&str] = &["none", "standard", "deep"];
/// Which bytecode is shipped.
pub(super) const BYTECODE: &[&str] = &["compiled", "none", "only"];
/// How a function is packaged.
pub(super) const METHODS: &[&str] = &["zip", "layers", "image"];

const fn key(name: &'static str, kind: Kind, says: &'static str, example: &'static str) -> Key {
    Key { name, kind, says, example }
}

const SOURCE: Key = key(
    "source",
    Kind::Path,
    "The function's folder or Python file; without it functions/NAME",
    "source = \"src/report\"",
);
const HANDLER: Key = key(
    "handler",
    Kind::Handler,
    "The handler, MODULE.FUNCTION; without it the one that is found",
    "handler = \"app.handler\"",
);
const REQUIREMENTS: Key = key(
    "requirements",
    Kind::OneOrMore(&Kind::Path),
    "Requirement files, in order; without them requirements/NAME.txt, or requirements.txt beside the sources",
    "requirements = \"requirements/report.txt\"",
);
const EXTRAS: Key = key(
    "extras",
    Kind::List(&Kind::Text),
    "Extras of pyproject.toml or of a lock file, beside its dependencies",
    "extras = [\"reports\"]",
);
const GROUPS: Key = key(
    "groups",
    Kind::List(&Kind::Text),
    "Dependency groups of pyproject.toml or of a lock file (of Pipfile.lock: categories), beside its dependencies",
    "groups = [\"lambda\"]",
);
const LAYERS: Key = key(
    "layers",
    Kind::List(&Kind::Text),
    "Layers by name, in Lambda's order: a later one lies over an earlier one",
    "layers = [\"science\"]",
);
const ENVIRONMENT: Key = key(
    "environment",
    Kind::Variables,
    "Environment variables; a function's are added to those of [defaults]",
    "environment = { BUCKET_NAME = \"data\" }",
);
const MEMORY_KEY: Key = key("memory", Kind::Number(&MEMORY), "Memory in MB", "memory = 1769");
const TIMEOUT_KEY: Key = key("timeout", Kind::Number(&TIMEOUT), "Timeout in seconds", "timeout = 60");
const STORAGE_KEY: Key =
    key("ephemeral-storage", Kind::Number(&EPHEMERAL_STORAGE), "The size of /tmp in MB", "ephemeral-storage = 1024");
const SLIM_KEY: Key = key("slim", Kind::Choice(SLIM), "How much is left out", "slim = \"deep\"");
const BYTECODE_KEY: Key = key("bytecode", Kind::Choice(BYTECODE), "Which bytecode is shipped", "bytecode = \"none\"");
const KEEP: Key = key(
    "keep",
    Kind::List(&Kind::Glob),
    "Paths in the artifact that stay, whatever a rule says",
    "keep = [\"pandas/tests/**\"]",
);
const EXCLUDE: Key =
    key("exclude", Kind::List(&Kind::Glob), "Paths in the artifact that go", "exclude = [\"**/*.md\"]");
const SERVICES: Key = key(
    "aws-services",
    Kind::List(&Kind::Text),
    "With slim = \"deep\": AWS services whose definitions stay in botocore, beside those that the code names",
    "aws-services = [\"s3\", \"sqs\"]",
);
const PROVIDED: Key = key(
    "provided",
    Kind::List(&Kind::Text),
    "Top-level modules that come from elsewhere, so that the artifact need not have them",
    "provided = [\"shared\"]",
);
const BUNDLE_SDK: Key = key(
    "bundle-sdk",
    Kind::Flag,
    "Ship boto3 (true) or leave it to the runtime (false); without it, it is shipped if the requirements name it",
    "bundle-sdk = true",
);
const TAGS: Key =
    key("tags", Kind::Texts, "Tags; a function's are added to those of [defaults]", "tags = { team = \"data\" }");
const PACKED: Key = key(
    "packed",
    Kind::Amount,
    "The most that the artifact may have packed: bytes, text such as \"60 MB\", or \"80 %\" of what goes into a direct upload",
    "packed = \"60 MB\"",
);
const UNPACKED: Key = key(
    "unpacked",
    Kind::Amount,
    "The most that it may have unpacked, with its layers: bytes, text such as \"200 MB\", or \"80 %\" of Lambda's limit",
    "unpacked = \"80 %\"",
);
const PACKED_GROWTH: Key = key(
    "packed-growth",
    Kind::Amount,
    "The most that it may have more than a baseline, packed: bytes, text such as \"1 MB\", or \"5 %\" of the baseline",
    "packed-growth = \"1 MB\"",
);
const UNPACKED_GROWTH: Key = key(
    "unpacked-growth",
    Kind::Amount,
    "The most that it may have more than a baseline, unpacked: bytes, text such as \"1 MB\", or \"5 %\" of the baseline",
    "unpacked-growth = \"5 %\"",
);
const DISTRIBUTIONS: Key = key(
    "distributions",
    Kind::Distributions,
    "The most that distributions may have unpacked, by name: bytes, text such as \"60 MB\", or \"20 %\" of Lambda's limit",
    "distributions = { pandas = \"60 MB\", pyarrow = \"20 %\" }",
);
const BUDGETS: &[Key] = &[
    PACKED,
    UNPACKED,
    PACKED_GROWTH,
    UNPACKED_GROWTH,
    DISTRIBUTIONS,
    key(
        "image-layer",
        Kind::Bytes,
        "The most that each layer of an image may have packed, those of the base aside: bytes, or text such as \"100 MB\"",
        "image-layer = \"100 MB\"",
    ),
];
const BUDGETS_OF_LAYER: &[Key] = &[PACKED, UNPACKED, PACKED_GROWTH, UNPACKED_GROWTH, DISTRIBUTIONS];

const DEFAULTS: &[Key] = &[
    HANDLER,
    REQUIREMENTS,
    LAYERS,
    ENVIRONMENT,
    MEMORY_KEY,
    TIMEOUT_KEY,
    STORAGE_KEY,
    SLIM_KEY,
    BYTECODE_KEY,
    KEEP,
    EXCLUDE,
    SERVICES,
    PROVIDED,
    BUNDLE_SDK,
    TAGS,
];

const FUNCTION: &[Key] = &[
    SOURCE,
    HANDLER,
    REQUIREMENTS,
    EXTRAS,
    GROUPS,
    LAYERS,
    ENVIRONMENT,
    MEMORY_KEY,
    TIMEOUT_KEY,
    STORAGE_KEY,
    SLIM_KEY,
    BYTECODE_KEY,
    KEEP,
    EXCLUDE,
    SERVICES,
    PROVIDED,
    BUNDLE_SDK,
    TAGS,
    key(
        "budgets",
        Kind::Table(BUDGETS),
        "Sizes that this function has to stay within",
        "budgets = { unpacked = \"200 MB\" }",
    ),
];

/// Of `[layers.NAME]`, and of the file `layers/NAME.toml`.
pub(super) const LAYER: &[Key] = &[
    key(
        "requirements",
        Kind::OneOrMore(&Kind::Path),
        "Requirement files, in order; without them layers/NAME.txt, or requirements.txt in layers/NAME",
        "requirements = \"layers/science.txt\"",
    ),
    EXTRAS,
    GROUPS,
    key(
        "files",
        Kind::Path,
        "A folder whose content comes along: python/ beside the distributions, all else (lib/, bin/) at /opt; without it layers/NAME",
        "files = \"layers/science\"",
    ),
    SLIM_KEY,
    BYTECODE_KEY,
    KEEP,
    EXCLUDE,
    SERVICES,
    BUNDLE_SDK,
    key(
        "versioned",
        Kind::Flag,
        "Whether modules lie in python/lib/python3.x/site-packages instead of python",
        "versioned = true",
    ),
    key("public", Kind::Choice(PublicLayer::NAMES), "A public layer by its short name", "public = \"powertools\""),
    key(
        "arn",
        Kind::LayerArn,
        "A layer that somebody else publishes",
        "arn = \"arn:aws:lambda:eu-west-1:123456789012:layer:shared:7\"",
    ),
    key(
        "version",
        Kind::Versions,
        "The version of a layer that somebody else publishes: one, or a table by Python version or target; without it the newest",
        "version = { \"3.12\" = 21, \"3.13-arm64\" = 5 }",
    ),
    key(
        "budgets",
        Kind::Table(BUDGETS_OF_LAYER),
        "Sizes that this layer has to stay within; those of [budgets] are about functions",
        "budgets = { unpacked = \"100 MB\" }",
    ),
];

const BASE: Key = key(
    "base",
    Kind::Text,
    "The image below: a reference, or the path of an OCI layout; {python} stands for the Python version",
    "base = \"public.ecr.aws/lambda/python:{python}\"",
);
const ENTRYPOINT: Key = key(
    "entrypoint",
    Kind::List(&Kind::Text),
    "The program that starts the handler, where neither the base nor awslambdaric is to",
    "entrypoint = [\"/usr/local/bin/python\", \"-m\", \"awslambdaric\"]",
);

const PACKAGING: &[Key] = &[
    key(
        "method",
        Kind::Choice(METHODS),
        "zip: all in one ZIP; layers: a ZIP, and the function's layers; image: a container image",
        "method = \"zip\"",
    ),
    SLIM_KEY,
    BYTECODE_KEY,
    LAYERS,
    BASE,
    ENTRYPOINT,
];

const ROW: &[Key] = &[
    key("function", Kind::OneOrMore(&Kind::Text), "Functions", "function = \"report\""),
    key("packaging", Kind::OneOrMore(&Kind::Text), "Packagings", "packaging = \"zip\""),
    key("python", Kind::OneOrMore(&Kind::Python), "Python versions", "python = \"3.13\""),
    key("architecture", Kind::OneOrMore(&Kind::Architecture), "Architectures", "architecture = \"arm64\""),
    key("memory", Kind::OneOrMore(&Kind::Number(&MEMORY)), "Memory sizes in MB", "memory = 1769"),
];

const MATRIX: &[Key] = &[
    key(
        "packaging",
        Kind::List(&Kind::Text),
        "Packagings by name; without it every [packaging.NAME]",
        "packaging = [\"zip\", \"layers\"]",
    ),
    key("python", Kind::List(&Kind::Python), "Python versions; without it 3.13", "python = [\"3.12\", \"3.13\"]"),
    key(
        "architectures",
        Kind::List(&Kind::Architecture),
        "Architectures; without it x86_64",
        "architectures = [\"x86_64\", \"arm64\"]",
    ),
    key(
        "memory",
        Kind::List(&Kind::Number(&MEMORY)),
        "Memory sizes in MB, for functions that set none themselves",
        "memory = [1024, 1769]",
    ),
    key(
        "exclude",
        Kind::Rows(ROW),
        "Combinations that are left out: each row, those that fit all it names",
        "exclude = [{ packaging = \"image\", python = \"3.10\" }]",
    ),
    key(
        "include",
        Kind::Rows(ROW),
        "Combinations that are added: what a row does not name is as in the matrix",
        "include = [{ packaging = \"zip\", architecture = \"arm64\" }]",
    ),
];

const DEPLOY: &[Key] = &[
    key(
        "name",
        Kind::Name(&TEMPLATE),
        "How the functions are called: {project}, {function}, {packaging}, {method}, {python}, {architecture} and {memory} stand for \
         what they say; without it {project}-{function}, and what of the matrix pack.toml names",
        "name = \"perf_{method}_{python}_{memory}\"",
    ),
    key(
        "artifacts",
        Kind::Name(&BUCKET),
        "The bucket of the ZIPs; without it named after project, account and Region",
        "artifacts = \"reports-artifacts\"",
    ),
    key(
        "data",
        Kind::Name(&BUCKET),
        "The bucket that the functions write to; without it named after project, account and Region",
        "data = \"reports-data\"",
    ),
    key(
        "repository",
        Kind::Name(&REPOSITORY),
        "The repository of the images, in ECR; with a host in front in somebody else's registry; without it the project's name",
        "repository = \"team/reports\"",
    ),
    key(
        "role",
        Kind::Name(&ROLE),
        "A role that is there, for the functions; without it one is made",
        "role = \"arn:aws:iam::123456789012:role/reports\"",
    ),
    key(
        "log-retention",
        Kind::NumberOf(LOG_RETENTION),
        "The days that logs are kept; without it 30",
        "log-retention = 90",
    ),
    key(
        "batch-size",
        Kind::Number(&BATCH_SIZE),
        "The most messages of the queue that one event has; without it 10",
        "batch-size = 1",
    ),
    key(
        "maximum-concurrency",
        Kind::Number(&MAXIMUM_CONCURRENCY),
        "The most executions of each function that the queue starts at once; without it as many as Lambda wants",
        "maximum-concurrency = 50",
    ),
    key("tracing", Kind::Flag, "Whether X-Ray traces the functions; without it, it does", "tracing = false"),
    key(
        "snap-start",
        Kind::Flag,
        "Whether published versions start from a snapshot (ZIPs of Python 3.12 and newer)",
        "snap-start = true",
    ),
    key(
        "alias",
        Kind::Name(&ALIAS),
        "Publish a version at each change, and let this alias lead to it; the queue then goes through it",
        "alias = \"live\"",
    ),
];

/// The file.
pub(super) const ROOT: &[Key] = &[
    key(
        "project",
        Kind::Table(&[
            key("name", Kind::Text, "The project's name; without it that of its folder", "name = \"reports\""),
            key("region", Kind::Region, "The AWS Region, for public layers and deployment", "region = \"eu-west-1\""),
        ]),
        "The project",
        "[project]",
    ),
    key("defaults", Kind::Table(DEFAULTS), "What holds for every function that does not say otherwise", "[defaults]"),
    key("functions", Kind::Named(FUNCTION), "A function", "[functions.report]"),
    key("layers", Kind::Named(LAYER), "A layer", "[layers.science]"),
    key("packaging", Kind::Named(PACKAGING), "A way to package the functions", "[packaging.zip]"),
    key(
        "image",
        Kind::Table(&[
            BASE,
            ENTRYPOINT,
            key("labels", Kind::Texts, "Labels", "labels = { \"org.opencontainers.image.vendor\" = \"us\" }"),
        ]),
        "What container images have in common",
        "[image]",
    ),
    key("budgets", Kind::Table(BUDGETS), "Sizes that every function has to stay within", "[budgets]"),
    key("matrix", Kind::Table(MATRIX), "What is built: every packaging for every Python and architecture", "[matrix]"),
    key("deploy", Kind::Table(DEPLOY), "What pack deploy makes on AWS", "[deploy]"),
];

impl Kind {
    /// What it takes, as the object of a sentence.
    pub(super) fn expected(&self) -> String {
        match self {
            Self::Text | Self::Glob => "a text".into(),
            Self::Path => "a path".into(),
            Self::Handler => "MODULE.FUNCTION".into(),
            Self::Region => "a Region".into(),
            Self::LayerArn => "the ARN of a layer".into(),
            Self::Flag => "true or false".into(),
            Self::Number(bounds) => {
                format!("a whole number from {} to {} ({})", bounds.least, bounds.most, bounds.unit)
            }
            Self::NumberOf(numbers) => {
                format!("one of {}", numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(", "))
            }
            Self::Name(rule) => rule.what.into(),
            Self::Versions => "a whole number from 1, or a table of such by Python version or target".into(),
            Self::Bytes => "a number of bytes or a text such as \"200 MB\"".into(),
            Self::Amount => "a number of bytes or a text such as \"200 MB\" or \"80 %\"".into(),
            Self::Distributions => "a table of distributions, each with bytes or a text such as \"60 MB\"".into(),
            Self::Choice(words) => format!("one of {}", quoted(words)),
            Self::Python => "a Python version in quotes".into(),
            Self::Architecture => "x86_64 or arm64".into(),
            Self::List(kind) => format!("a list, each item {}", kind.expected()),
            Self::OneOrMore(kind) => format!("{} or a list of such", kind.expected()),
            Self::Texts | Self::Variables => "a table of texts".into(),
            Self::Table(_) => "a table".into(),
            Self::Named(_) => "tables with names".into(),
            Self::Rows(_) => "a list of tables".into(),
        }
    }
}

/// `"a", "b"`.
pub(super) fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ")
}
