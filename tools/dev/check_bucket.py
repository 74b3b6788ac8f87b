"""sdc serve --bucket against moto's S3 with signatures checked (make check-bucket): an object that Amazon's own client fetches,
and none with wrong keys. (moto does not check signed addresses: suite bucket does.)

    check_bucket.py SDC         needs moto[server] and boto3 (tools/requirements-bucket.txt)
"""

import base64
import json
import os
import sys
import tempfile
import time

# The first calls, which make a user and its bucket, need no signature; all others do.
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "4"

import boto3
from load import T, Server
from moto.server import ThreadedMotoServer


def main():
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    url = f"http://127.0.0.1:{port}"

    def client(service, id="x", secret="x"):
        return boto3.client(service, "eu-west-1", endpoint_url=url, aws_access_key_id=id, aws_secret_access_key=secret)

    iam = client("iam")
    policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    iam.create_user(UserName="sdc")
    iam.put_user_policy(UserName="sdc", PolicyName="all", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="sdc")["AccessKey"]
    client("s3").create_bucket(Bucket="pictures", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    id, secret = key["AccessKeyId"], key["SecretAccessKey"]
    s3 = client("s3", id, secret)
    failed = []

    def check(ok, what):
        print("ok  " if ok else "FAIL", what)
        if not ok:
            failed.append(what)

    with tempfile.TemporaryDirectory() as folder:
        for name, the_secret in [("keys", secret), ("wrong", "x" * 40)]:
            with open(f"{folder}/{name}", "w") as f:
                f.write(f"{id}:{the_secret}\n")

        def serve(name):
            return Server(sys.argv[1], folder, "-q", "--bucket", "s3://pictures/a b/ü", "--endpoint", url, "--region", "eu-west-1",
                          "--bucket-keys", f"{folder}/{name}", "--spool", f"{folder}/spool-{name}", name=name)  # fmt: skip

        server = serve("keys")
        reply = json.loads(server.ask("POST", T, {"steps": 1, "seed": 5, "batch_size": 2})[1])
        objects = s3.list_objects_v2(Bucket="pictures").get("Contents", [])
        check(len(objects) == 2, f"two objects: {[o['Key'] for o in objects]}")
        for o, image in zip(objects, reply["images"]):
            body = s3.get_object(Bucket="pictures", Key=o["Key"])
            check(body["Body"].read() == base64.b64decode(image), f"{o['Key']} is its picture")
            check(body["ContentType"] == "image/png", "of its type")
        check(server.stop() == 0, "the server ends")
        server = serve("wrong")
        reply = json.loads(server.ask("POST", T, {"steps": 1, "seed": 6})[1])
        time.sleep(1)
        check("bucket" in str(reply.get("warnings")), "wrong keys are told")
        check(len(s3.list_objects_v2(Bucket="pictures")["Contents"]) == 2, "and write nothing")
        check(len(os.listdir(f"{folder}/spool-wrong")) == 1, "the picture waits")
        server.stop()
    moto.stop()
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
