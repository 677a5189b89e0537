"""Pages through every subtask of a Security Center with the vendor's own client.

Arguments: HOST:PORT, access key id, secret, signature (acs3-hmac-sha256 or hmac-sha1), page size.
Writes one JSON object: {"task_ids": [...]}, each as often as it came, or {"error": CODE}.
"""

import json
import sys

from alibabacloud_sas20181203 import models
from alibabacloud_sas20181203.client import Client
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.utils_models import Config

# What the vendor's client calls the two signatures; its default is the first.
ALGORITHMS = {"acs3-hmac-sha256": None, "hmac-sha1": "v2"}
# Far more pages than any test has: a server whose pages never end must fail a test, not hang it.
MOST_PAGES = 1000


def list_tasks(client, page_size):
    task_ids = []
    for page in range(1, MOST_PAGES + 1):
        request = models.ListAgentlessTaskRequest(root_task=False, current_page=page, page_size=page_size)
        body = client.list_agentless_task(request).body
        task_ids += [row.task_id for row in body.list]
        # The server may have clamped the page size, so the rows are counted, not the pages.
        if len(task_ids) >= body.page_info.total_count or not body.list:
            return task_ids
    sys.exit(f"more than {MOST_PAGES} pages")


def main(endpoint, key_id, secret, signature, page_size):
    client = Client(
        Config(
            access_key_id=key_id,
            access_key_secret=secret,
            endpoint=endpoint,
            protocol="http",
            signature_algorithm=ALGORITHMS[signature],
        )
    )
    try:
        answer = {"task_ids": list_tasks(client, int(page_size))}
    except AlibabaCloudException as refused:
        answer = {"error": refused.code}
    json.dump(answer, sys.stdout)


main(*sys.argv[1:])
