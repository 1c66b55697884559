//! What is known of libraries that Lambda lacks: data.

/// The start of a library's name, and what to do when it is missing.
const CURES: &[(&str, &str)] = &[
    (
        "libGL.so",
        "opencv-python-headless is OpenCV without windows and needs no libGL: require it instead of opencv-python",
    ),
    ("libEGL.so", "Lambda has no graphics libraries: use the package's headless variant"),
    ("libGLX", "Lambda has no graphics libraries: use the package's headless variant"),
    ("libOpenGL.so", "Lambda has no graphics libraries: use the package's headless variant"),
    ("libglib-2.0.so", "of OpenCV: require opencv-python-headless; else bring the library along in lib/"),
    ("libgthread-2.0.so", "of OpenCV: require opencv-python-headless; else bring the library along in lib/"),
    ("libgobject-2.0.so", "bring the library along in lib/, or package the function as an image with glib2"),
    ("libgio-2.0.so", "bring the library along in lib/, or package the function as an image with glib2"),
    ("libX11", "Lambda has no X11: use the package's headless variant"),
    ("libxcb", "Lambda has no X11: use the package's headless variant"),
    ("libXext", "Lambda has no X11: use the package's headless variant"),
    ("libXrender", "Lambda has no X11: use the package's headless variant"),
    ("libSM.so", "Lambda has no X11: use the package's headless variant"),
    ("libICE.so", "Lambda has no X11: use the package's headless variant"),
    (
        "libgomp.so",
        "a newer wheel usually brings it; else copy libgomp.so.1 of Amazon Linux (package libgomp) into lib/",
    ),
    ("libomp.so", "copy the library into lib/, or take a wheel that brings it"),
    ("libgfortran.so", "take a wheel that brings it (numpy and scipy do), not one built on this machine"),
    ("libquadmath.so", "take a wheel that brings it (numpy and scipy do), not one built on this machine"),
    ("libopenblas", "take a wheel that brings it (numpy and scipy do), not one built on this machine"),
    ("libblas.so", "take a wheel that brings it (numpy and scipy do), not one built on this machine"),
    ("liblapack.so", "take a wheel that brings it (numpy and scipy do), not one built on this machine"),
    ("libtbb", "the tbb distribution has it: require it, or do without"),
    ("libmkl_", "the mkl distribution has it, but it is too large for most functions: prefer a build with OpenBLAS"),
    ("libpq.so", "require psycopg2-binary (or psycopg[binary]), which brings its own libpq, instead of psycopg2"),
    (
        "libodbc.so",
        "the driver manager is no part of Lambda: copy unixODBC's libodbc.so.2 and a driver into lib/, or use pymssql",
    ),
    (
        "libmysqlclient.so",
        "require PyMySQL or mysql-connector-python, which need no client library, or copy it into lib/",
    ),
    ("libmariadb.so", "require PyMySQL or mysql-connector-python, which need no client library, or copy it into lib/"),
    (
        "libexpat.so",
        "images of Lambda have it and the runtime for ZIPs has not: copy libexpat.so.1 of Amazon Linux (package expat) into lib/",
    ),
    ("libcurl.so", "images of Lambda have it and the runtime for ZIPs has not: copy it and what it needs into lib/"),
    ("libcuda.so", "Lambda has no GPU: take the CPU variant of the package"),
    ("libcud", "Lambda has no GPU: take the CPU variant of the package"),
    ("libcublas", "Lambda has no GPU: take the CPU variant of the package"),
    ("libcufft", "Lambda has no GPU: take the CPU variant of the package"),
    ("libcurand", "Lambda has no GPU: take the CPU variant of the package"),
    ("libcusparse", "Lambda has no GPU: take the CPU variant of the package"),
    ("libcusolver", "Lambda has no GPU: take the CPU variant of the package"),
    ("libnvinfer", "Lambda has no GPU: take the CPU variant of the package"),
    ("libnvrtc", "Lambda has no GPU: take the CPU variant of the package"),
    ("libnvidia", "Lambda has no GPU: take the CPU variant of the package"),
    ("libcupti", "Lambda has no GPU: take the CPU variant of the package"),
    ("libcufile", "Lambda has no GPU: take the CPU variant of the package"),
    ("libnvshmem", "Lambda has no GPU: take the CPU variant of the package"),
    ("libnvtx", "Lambda has no GPU: take the CPU variant of the package"),
    ("libnccl", "Lambda has no GPU: take the CPU variant of the package"),
    ("libc.musl", "it is for Alpine Linux: take the manylinux wheel, not the musllinux one"),
    ("ld-musl", "it is for Alpine Linux: take the manylinux wheel, not the musllinux one"),
    ("libpython", "it was linked to one Python: take a wheel for the function's runtime"),
    ("libssl.so.1", "take a newer wheel: it wants an OpenSSL that the runtime no longer has"),
    ("libcrypto.so.1", "take a newer wheel: it wants an OpenSSL that the runtime no longer has"),
    ("libmagic.so", "copy it and magic.mgc into the function, or use puremagic or filetype, which need no library"),
    ("libxmlsec1", "require xmlsec as a wheel, which brings it"),
    ("libgdal.so", "require rasterio, fiona or pyogrio as wheels, which bring it"),
    ("libproj.so", "require pyproj as a wheel, which brings it"),
    ("libgeos", "require shapely as a wheel, which brings it"),
    ("libsndfile.so", "require soundfile as a wheel, which brings it"),
    ("libcairo.so", "copy it and what it needs into lib/, or package the function as an image"),
    ("libpango", "copy it and what it needs into lib/, or package the function as an image"),
    ("libtk", "Lambda has no windows: leave out what needs Tk"),
    ("libtcl", "Lambda has no windows: leave out what needs Tk"),
];

/// What to do about a library of that name that is missing.
pub(super) fn cure(library: &str) -> &'static str {
    let known = CURES.iter().find(|(start, _)| library.starts_with(start));
    known.map_or(
        "bring it along in the function's lib/ folder or a layer's, or take a wheel that has it",
        |(_, cure)| cure,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_cure_or_the_general_one() {
        assert!(cure("libGL.so.1").contains("opencv-python-headless"));
        assert!(cure("libpq.so.5").contains("psycopg2-binary"));
        assert!(cure("libcudart.so.12").contains("no GPU"));
        assert!(cure("libxyz.so").contains("lib/"));
    }
}
