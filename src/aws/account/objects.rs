//! ZIPs in the bucket of artifacts, by what is in them: what is there is never sent again. Large ones go in parts; the SHA-256 that S3
//! compares is that of the whole, or of each part.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use aws_sdk_s3::operation::list_multipart_uploads::ListMultipartUploadsOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier};
use sha2::{Digest, Sha256};

use super::{Clients, each, odd};
use crate::deploy::{Artifact, Call};
use crate::error::{Error, Result};

/// A part of a large one. What is smaller goes as a whole.
const PART: u64 = 16 << 20;

/// The most that one call lists and deletes.
const LISTED: i32 = 1000;

pub(super) async fn is_there(aws: &Clients, bucket: &str, key: &str) -> Result<bool> {
    let request = aws.s3.head_object().bucket(bucket).key(key).send();
    Ok(aws.ask(Call::HeadObject, &arn(aws, bucket, key), request).await?.is_some())
}

fn arn(aws: &Clients, bucket: &str, key: &str) -> String {
    format!("{}/{key}", aws.place.bucket(bucket))
}

pub(super) async fn upload(aws: &Arc<Clients>, bucket: &str, key: &str, artifact: &Artifact) -> Result<()> {
    let size = std::fs::metadata(&artifact.path).map_err(Error::io("read", &artifact.path))?.len();
    if size > PART {
        return in_parts(aws, bucket, key, artifact, size).await;
    }
    let _turn = aws.pace.part().await;
    let bytes = piece(&artifact.path, 0, size)?;
    if data_encoding::HEXLOWER.encode(&Sha256::digest(&bytes)) != artifact.sha256 {
        return Err(changed(artifact));
    }
    let request = aws
        .s3
        .put_object()
        .bucket(bucket)
        .key(key)
        .content_type("application/zip")
        .checksum_sha256(base64(&bytes))
        .body(ByteStream::from(bytes))
        .send();
    aws.call(Call::PutObject, &arn(aws, bucket, key), request).await.map(drop)
}

async fn in_parts(aws: &Arc<Clients>, bucket: &str, key: &str, artifact: &Artifact, size: u64) -> Result<()> {
    // The parts' checksums say nothing of the whole.
    if crate::system::sha256_of(&artifact.path)? != artifact.sha256 {
        return Err(changed(artifact));
    }
    let arn = arn(aws, bucket, key);
    let request = aws.s3.create_multipart_upload().bucket(bucket).key(key).content_type("application/zip");
    let request = request.checksum_algorithm(ChecksumAlgorithm::Sha256).send();
    let begun = aws.call(Call::PutObject, &arn, request).await?;
    let upload = begun.upload_id().ok_or_else(|| odd("an upload", key))?.to_owned();
    let sent = parts(aws, bucket, key, artifact, size, &upload).await;
    let parts = match sent {
        Ok(parts) => parts,
        Err(error) => {
            // Parts that nobody puts together cost until somebody deletes them.
            let request = aws.s3.abort_multipart_upload().bucket(bucket).key(key).upload_id(&upload).send();
            let _ = aws.raw(Call::AbortMultipartUpload, request).await;
            return Err(error);
        }
    };
    let whole = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let request = aws.s3.complete_multipart_upload().bucket(bucket).key(key).upload_id(&upload);
    let done = aws.raw(Call::PutObject, request.multipart_upload(whole).send()).await;
    match done {
        Ok(_) => Ok(()),
        // An earlier try of the same call ended it.
        Err(_) if is_there(aws, bucket, key).await? => Ok(()),
        Err(error) => Err(super::failure::of_call(&error, Call::PutObject.action(), &arn)),
    }
}

async fn parts(
    aws: &Arc<Clients>,
    bucket: &str,
    key: &str,
    artifact: &Artifact,
    size: u64,
    upload: &str,
) -> Result<Vec<CompletedPart>> {
    let mut parts: Vec<CompletedPart> = each(0..size.div_ceil(PART), |index| {
        let (aws, path) = (aws.clone(), artifact.path.clone());
        let (bucket, key, upload) = (bucket.to_owned(), key.to_owned(), upload.to_owned());
        async move {
            let _turn = aws.pace.part().await;
            let bytes = piece(&path, index * PART, PART.min(size - index * PART))?;
            // There are 16 at most, below Lambda's limit.
            let number = i32::try_from(index + 1).unwrap_or(i32::MAX);
            let checksum = base64(&bytes);
            let request = aws.s3.upload_part().bucket(&bucket).key(&key).upload_id(&upload).part_number(number);
            let request = request.checksum_sha256(&checksum).body(ByteStream::from(bytes)).send();
            let answer = aws.call(Call::PutObject, &arn(&aws, &bucket, &key), request).await?;
            Ok(CompletedPart::builder()
                .part_number(number)
                .set_e_tag(answer.e_tag().map(str::to_owned))
                .checksum_sha256(checksum)
                .build())
        }
    })
    .await?;
    parts.sort_by_key(CompletedPart::part_number);
    Ok(parts)
}

fn piece(path: &Path, from: u64, bytes: u64) -> Result<Vec<u8>> {
    let failed = |error| Error::io("read", path)(error);
    let mut file = std::fs::File::open(path).map_err(failed)?;
    file.seek(SeekFrom::Start(from)).map_err(failed)?;
    let mut piece = Vec::new();
    file.take(bytes).read_to_end(&mut piece).map_err(failed)?;
    Ok(piece)
}

fn base64(bytes: &[u8]) -> String {
    data_encoding::BASE64.encode(&Sha256::digest(bytes))
}

fn changed(artifact: &Artifact) -> Error {
    Error::aws(format!("{} changed while it was deployed", artifact.path.display()), "run it again")
}

/// Whether nothing was ever in a bucket, or all of it is gone.
pub(super) async fn is_empty(aws: &Clients, bucket: &str) -> Result<bool> {
    let request = aws.s3.list_object_versions().bucket(bucket).max_keys(1).send();
    let listed = aws.call(Call::ListObjectVersions, &aws.place.bucket(bucket), request).await?;
    Ok(listed.versions().is_empty() && listed.delete_markers().is_empty())
}

/// Deletes everything in a bucket, with all versions and begun uploads.
pub(super) async fn clear(aws: &Clients, bucket: &str) -> Result<()> {
    let arn = aws.place.bucket(bucket);
    loop {
        let request = aws.s3.list_object_versions().bucket(bucket).max_keys(LISTED).send();
        let listed = aws.call(Call::ListObjectVersions, &arn, request).await?;
        let versions = listed.versions().iter().map(|version| (version.key(), version.version_id()));
        let markers = listed.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
        let objects = versions.chain(markers).filter_map(|(key, version)| {
            ObjectIdentifier::builder().key(key?).set_version_id(version.map(str::to_owned)).build().ok()
        });
        let objects: Vec<_> = objects.collect();
        if objects.is_empty() {
            break;
        }
        let delete =
            Delete::builder().set_objects(Some(objects)).quiet(true).build().map_err(|_| odd("objects", bucket))?;
        let request = aws.s3.delete_objects().bucket(bucket).delete(delete).send();
        let answer = aws.call(Call::DeleteObjects, &format!("{arn}/*"), request).await?;
        if let Some(error) = answer.errors().first() {
            return Err(Error::aws(
                format!(
                    "AWS does not delete {} of the bucket {bucket}: {}",
                    error.key().unwrap_or_default(),
                    error.code().unwrap_or_default()
                ),
                "s3:DeleteObject and s3:DeleteObjectVersion have to be allowed, and nothing may lock the objects",
            ));
        }
    }
    let request = aws.s3.list_multipart_uploads().bucket(bucket).send();
    let uploads = aws.ask(Call::ListMultipartUploads, &arn, request).await?;
    for upload in uploads.iter().flat_map(ListMultipartUploadsOutput::uploads) {
        let request = aws.s3.abort_multipart_upload().bucket(bucket);
        let request =
            request.set_key(upload.key().map(str::to_owned)).set_upload_id(upload.upload_id().map(str::to_owned));
        aws.ask(Call::AbortMultipartUpload, &format!("{arn}/*"), request.send()).await?;
    }
    Ok(())
}
