//! So many reads and writes of S3 and nothing else: what a call costs in CPU by itself.
//!
//! `calls BUCKET READS WRITES`

use tidemill_aws::Clients;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let bucket = arguments.next().ok_or("name a bucket")?;
    let mut count = || arguments.next().unwrap_or_default().parse::<usize>();
    let (reads, writes) = (count()?, count()?);
    let s3 = Clients::load().await.s3;
    for index in 0..writes {
        let put = s3.put_object().bucket(&bucket).key(format!("calls/{index}")).if_none_match("*");
        put.body(vec![b'x'; 1_000].into()).send().await?;
    }
    for _ in 0..reads {
        let got = s3.get_object().bucket(&bucket).key("calls/0").send().await?;
        got.body.collect().await?;
    }
    Ok(())
}
