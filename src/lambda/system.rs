//! The system libraries of Lambda's Python runtimes, and the newest symbol versions in them.
//!
//! What is known comes from four places, named beside each datum:
//! - **AWS**: the toolchain table of Amazon Linux 2023's guide (glibc 2.26 and gcc 7.3 against glibc 2.34 and gcc 11),
//!   <https://docs.aws.amazon.com/linux/al2023/ug/glibc-gcc-and-binutils.html>; the environment variables of the runtimes,
//!   <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>.
//! - **image**: `rpm -qa` in `public.ecr.aws/lambda/python:3.12`, quoted in amazonlinux/amazon-linux-2023#585, and `ldd` in a
//!   `provided:al2023` image, awslabs/aws-lambda-cpp#210.
//! - **managed**: what people listed or missed in the managed runtimes, which have less than the images: `/lib64` of an Amazon
//!   Linux 2 runtime in lambgeo/docker-lambda#37; no `libexpat` in python3.12 (developmentseed/eoapi-cdk#181); no
//!   `libcurl` in python3.11 (aws/aws-lambda-base-images#120); no `libgomp` in python3.9 (dmlc/xgboost#11048); no
//!   `libGL` and no `libX11` since Amazon Linux 2 (lambci/docker-lambda#318).
//! - **policy**: auditwheel's manylinux policies, for what is on every Linux with that glibc.
//!
//! What only an image is known to have is *open* for the managed runtime, which runs ZIPs: neither there nor missing.

use super::runtime::PythonVersion;

/// Where the loader looks between RPATH and RUNPATH (AWS: `LD_LIBRARY_PATH`, with the runtime's variables filled in).
pub const LIBRARY_PATH: [&str; 8] = [
    "/var/lang/lib",
    "/lib64",
    "/usr/lib64",
    "/var/runtime",
    "/var/runtime/lib",
    "/var/task",
    "/var/task/lib",
    "/opt/lib",
];

/// The folders of it that the system's own libraries are in.
pub const SYSTEM_FOLDERS: [&str; 3] = ["/var/lang/lib", "/lib64", "/usr/lib64"];

/// Whether a runtime has a library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It has.
    Present,
    /// The image has it; of the managed runtime nobody says.
    Open,
    /// It has not, or nobody says that it has.
    Absent,
}

/// A runtime's system.
#[derive(Debug)]
pub struct System {
    /// How people call it.
    pub name: &'static str,
    glibc_minor: u8,
    /// Names between spaces, as the other lists here.
    open: &'static str,
    /// Family → the newest version, as numbers; and the newest that the images have, where they are ahead.
    newest: &'static [(&'static str, Newest, Option<Newest>)],
}

/// A version as numbers.
type Newest = &'static [u32];

/// A version that a system's libraries do not have, or perhaps not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// The newest of its family that is there for sure.
    pub newest: String,
    /// Whether newer images have it, so that nobody knows of the managed runtime.
    pub is_open: bool,
}

/// Part of glibc (managed; AWS: glibc is in both systems), the C++ and C runtime libraries (image, policy), and zlib
/// (image, policy; Python's own `zlib` module needs it).
const PRESENT: &str = "ld-linux-aarch64.so.1 ld-linux-x86-64.so.2 libBrokenLocale.so.1 libanl.so.1 libc.so.6 libdl.so.2 libm.so.6 \
    libmvec.so.1 libnss_compat.so.2 libnss_dns.so.2 libnss_files.so.2 libpthread.so.0 libresolv.so.2 librt.so.1 \
    libthread_db.so.1 libutil.so.1 libgcc_s.so.1 libstdc++.so.6 libz.so.1";

/// What modules of Python's own library are linked with, by how the names begin: in Lambda they are in `/var/lang/lib`, or
/// within the modules. glibc looks users up by way of libnss_*.
const PYTHONS: &[&str] = &[
    "libbz2.",
    "libcrypt.",
    "libcrypto.",
    "libdb-",
    "libexpat.",
    "libffi.",
    "libgdbm",
    "liblzma.",
    "libmpdec.",
    "libncurses",
    "libnsl.",
    "libnss_",
    "libpanel",
    "libpython",
    "libreadline.",
    "libsqlite3.",
    "libssl.",
    "libtinfo.",
    "libtirpc.",
    "libuuid.",
    "libzstd.",
];

/// Those of [`PRESENT`] whose every symbol has a version, so that a file linked with one asks for that version.
const VERSIONED: &str =
    "ld-linux libc.so libdl. libgcc_s libm.so libmvec libpthread libresolv librt. libstdc++ libutil";

const SYSTEMS: [System; 2] = [
    System {
        name: "Amazon Linux 2",
        glibc_minor: 26,
        // Open all. Presumed in the image, as parts of the minimal system; `libnsl` in glibc (managed, of a Node.js runtime),
        // `libatomic` by the policy alone, OpenSSL 1.1 because Python 3.10 needs it, `libpython3` as a shared Python installs it.
        open: "libatomic.so.1 libbz2.so.1 libcom_err.so.2 libcrypt.so.1 libcrypto.so.10 libcrypto.so.1.1 \
            libffi.so.6 libgssapi_krb5.so.2 libk5crypto.so.3 libkrb5.so.3 libkrb5support.so.0 liblzma.so.5 \
            libncursesw.so.6 libnsl.so.1 libpython3.so libreadline.so.6 libsqlite3.so.0 libssl.so.10 libssl.so.1.1 \
            libtinfo.so.6 libuuid.so.1 libxml2.so.2",
        newest: &[
            // GCC 7.3 (AWS) by libstdc++'s manual, <https://gcc.gnu.org/onlinedocs/libstdc++/manual/abi.html>.
            ("GLIBCXX", &[3, 4, 24], None),
            ("CXXABI", &[1, 3, 11], None),
            // libgcc of GCC 7 (policy manylinux_2_27).
            ("GCC", &[7, 0, 0], None),
            // zlib 1.2.7, before the symbols of 1.2.7.1 (policy manylinux2014).
            ("ZLIB", &[1, 2, 5, 2], None),
        ],
    },
    System {
        name: "Amazon Linux 2023",
        glibc_minor: 34,
        // Open all. Seen in the image: packages bzip2-libs, file-libs, gmp, keyutils-libs, krb5-libs, libacl, libarchive,
        // libattr, libblkid, libxml2, and what libcurl is linked with. Presumed there, as parts of the minimal system: libcap,
        // libcrypt, libffi, lz4, xz, ncurses, pcre2, readline, sqlite, libuuid, zstd. `libatomic` and `libnsl` by the policy alone.
        open: "libacl.so.1 libarchive.so.13 libatomic.so.1 libattr.so.1 libblkid.so.1 libbz2.so.1 libcap.so.2 \
            libcom_err.so.2 libcrypt.so.2 libcrypto.so.3 libffi.so.8 libgmp.so.10 libgssapi_krb5.so.2 \
            libidn2.so.0 libk5crypto.so.3 libkeyutils.so.1 libkrb5.so.3 libkrb5support.so.0 liblz4.so.1 \
            liblzma.so.5 libmagic.so.1 libncursesw.so.6 libnghttp2.so.14 libnsl.so.1 libpcre2-8.so.0 libpsl.so.5 \
            libpython3.so libreadline.so.8 libsqlite3.so.0 libssl.so.3 libtinfo.so.6 libunistring.so.2 libuuid.so.1 \
            libxml2.so.2 libzstd.so.1",
        newest: &[
            // GCC 11 (AWS), as above. Amazon Linux 2023 has libstdc++ and libgcc of GCC 14 since 2023.7.20250331
            // (docker-library/official-images#18759, amazonlinux/container-images#132, where Lambda's own still had those of
            // GCC 11 in April 2025): open.
            ("GLIBCXX", &[3, 4, 29], Some(&[3, 4, 33])),
            ("CXXABI", &[1, 3, 13], Some(&[1, 3, 15])),
            // libgcc of GCC 11 (policy manylinux_2_34; only aarch64 has symbols newer than 7.0.0).
            ("GCC", &[11, 0], Some(&[14, 0, 0])),
            // zlib 1.2.11 (image; policy manylinux_2_34).
            ("ZLIB", &[1, 2, 9], None),
        ],
    },
];

/// Whether a library that something loads on another machine may be there in a runtime as well.
pub fn may_have(library: &str, python: PythonVersion) -> bool {
    PYTHONS.iter().any(|start| library.starts_with(start))
        || System::of(python).has(library, python) != Presence::Absent
}

impl System {
    /// The system under a runtime's Python.
    pub fn of(python: PythonVersion) -> &'static Self {
        SYSTEMS.iter().find(|system| system.glibc_minor == python.glibc_minor()).unwrap_or(&SYSTEMS[1])
    }

    /// Whether no runtime has a library of that name.
    pub fn none_has(library: &str) -> bool {
        PythonVersion::all().all(|python| Self::of(python).has(library, python) == Presence::Absent)
    }

    /// Whether it has a library of that name. Python's own is in `/var/lang/lib`, under the runtime's version only.
    pub fn has(&self, library: &str, python: PythonVersion) -> Presence {
        if is_among(PRESENT, library) || library == format!("libpython{python}.so.1.0") {
            Presence::Present
        } else if is_among(self.open, library) {
            Presence::Open
        } else {
            Presence::Absent
        }
    }

    /// Whether a version is newer than the system's libraries have.
    ///
    /// `GLIBC_ABI_*` marks what a loader must be able to do (`DT_RELR` came with glibc 2.36); no system here has any.
    /// Names that are no numbers (`GLIBC_PRIVATE`, `CXXABI_TM_1`) are as old as their families.
    pub fn lacks(&self, version: &str) -> Option<Lack> {
        let (family, number) = version.split_once('_')?;
        let glibc = [2, u32::from(self.glibc_minor)];
        let (newest, open) = match family {
            "GLIBC" => (&glibc[..], None),
            _ => self.newest.iter().find(|(name, ..)| *name == family).map(|(_, newest, open)| (*newest, *open))?,
        };
        let numbers: Option<Vec<u32>> = number.split('.').map(|part| part.parse().ok()).collect();
        let is_newer = |than: &[u32]| match &numbers {
            Some(numbers) => numbers.as_slice() > than,
            None => version.starts_with("GLIBC_ABI_"),
        };
        let shown: Vec<String> = newest.iter().map(u32::to_string).collect();
        is_newer(newest).then(|| Lack {
            newest: format!("{family}_{}", shown.join(".")),
            is_open: open.is_some_and(|open| !is_newer(open)),
        })
    }
}

/// Whether every symbol of a system library has a version. Of one without, nobody can tell by a file what it takes.
pub fn is_versioned(library: &str) -> bool {
    starts_among(VERSIONED, library)
}

/// Whether a symbol may come from glibc's libraries without a version: a module that forgot to link `libm` finds `pow`
/// all the same, as Python itself links it. The functions of `<math.h>` in C99, and the families of the others.
pub fn is_c_library_symbol(name: &str) -> bool {
    const MATH: &str = "acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh drem erf erfc exp exp10 exp2 expm1 fabs fdim \
        finite floor fma fmax fmin fmod frexp gamma hypot ilogb isinf isnan j0 j1 jn ldexp lgamma lgamma_r llrint \
        llround log log10 log1p log2 logb lrint lround modf nan nearbyint nextafter nexttoward pow remainder remquo rint \
        round scalb scalbln scalbn significand signgam sin sincos sinh sqrt tan tanh tgamma trunc y0 y1 yn cabs carg \
        cimag conj cproj creal cacos cacosh casin casinh catan catanh ccos ccosh cexp clog cpow csin csinh csqrt ctan \
        ctanh feclearexcept fegetenv fegetround feholdexcept feraiseexcept fesetenv fesetround fetestexcept feupdateenv \
        feenableexcept fedisableexcept";
    const FAMILIES: &str = "pthread_ sem_ dl shm_ timer_ clock_ mq_ aio_ lio_ res_ getaddrinfo openpty forkpty login logout __ _dl _Unwind_";
    let plain = name.strip_suffix(['f', 'l']).unwrap_or(name);
    is_among(MATH, name) || is_among(MATH, plain) || starts_among(FAMILIES, name)
}

fn is_among(list: &str, name: &str) -> bool {
    list.split_ascii_whitespace().any(|word| word == name)
}

fn starts_among(prefixes: &str, name: &str) -> bool {
    prefixes.split_ascii_whitespace().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lacks(python: &str, version: &str) -> Option<String> {
        let lack = System::of(python.parse().unwrap()).lacks(version)?;
        Some(if lack.is_open { format!("perhaps: {}", lack.newest) } else { lack.newest })
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, newest) in [
            ("GLIBC_2.4", None),
            ("GLIBC_2.26", None),
            ("GLIBC_2.27", Some("GLIBC_2.26")),
            ("GLIBCXX_3.4.9", None),
            ("GLIBCXX_3.4.24", None),
            ("GLIBCXX_3.4.25", Some("GLIBCXX_3.4.24")),
            ("CXXABI_1.3.11", None),
            ("CXXABI_1.3.12", Some("CXXABI_1.3.11")),
            ("CXXABI_TM_1", None),
            ("GLIBC_PRIVATE", None),
            ("GLIBC_ABI_DT_RELR", Some("GLIBC_2.26")),
            ("GCC_4.8.0", None),
            ("LIBARROW_99.0", None),
            ("own", None),
        ] {
            assert_eq!(lacks("3.11", version).as_deref(), newest, "{version}");
        }
        assert_eq!(lacks("3.13", "GLIBC_2.34"), None);
        assert_eq!(lacks("3.13", "GLIBC_2.38").as_deref(), Some("GLIBC_2.34"));
        assert_eq!(lacks("3.13", "GLIBCXX_3.4.30").as_deref(), Some("perhaps: GLIBCXX_3.4.29"));
        assert_eq!(lacks("3.13", "GLIBCXX_3.4.34").as_deref(), Some("GLIBCXX_3.4.29"));
        assert_eq!(lacks("3.13", "CXXABI_1.3.15").as_deref(), Some("perhaps: CXXABI_1.3.13"));
    }

    #[test]
    fn every_runtime_has_its_system() {
        for (python, name) in [("3.10", "Amazon Linux 2"), ("3.12", "Amazon Linux 2023"), ("3.14", "Amazon Linux 2023")]
        {
            assert_eq!(System::of(python.parse().unwrap()).name, name);
        }
    }

    #[test]
    fn libraries_are_there_or_missing_or_open() {
        let python = "3.13".parse().unwrap();
        let has = |library| System::of(python).has(library, python);
        assert_eq!(has("libstdc++.so.6"), Presence::Present);
        assert_eq!(has("libpython3.13.so.1.0"), Presence::Present);
        assert_eq!(has("libpython3.12.so.1.0"), Presence::Absent);
        assert_eq!(has("libssl.so.3"), Presence::Open);
        for missing in ["libGL.so.1", "libexpat.so.1", "libgomp.so.1", "libX11.so.6", "libglib-2.0.so.0"] {
            assert_eq!(has(missing), Presence::Absent, "{missing}");
        }
    }

    #[test]
    fn math_without_libm_is_no_news() {
        for name in ["pow", "powf", "sqrtl", "pthread_create", "dlopen"] {
            assert!(is_c_library_symbol(name), "{name}");
        }
        for name in ["deflate", "_ZN5arrow6StatusC1Ev", "cblas_dgemm", "half"] {
            assert!(!is_c_library_symbol(name), "{name}");
        }
    }
}
