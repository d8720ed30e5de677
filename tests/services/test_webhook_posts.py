"""Where messages to webhooks go, what is read of the answers, and why none came."""

import asyncio
import datetime
import ipaddress
import socket
import ssl
import zlib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from domain.identity.roles import Role
from domain.integration.webhooks import DeliveryReason, DeliveryState, InvalidWebhookUrl, checked_url
from services.adapters.guarded_http import may_be_reached
from services.adapters.webhook_posts import BEGINNING, WebhookPosts
from services.ports import WebhookAnswer, WebhookNotReached
from services.webhooks.courier import deliver_due
from services.webhooks.dispatching import dispatch_events
from services.webhooks.sending import WebhookDoor, use_webhooks
from tests.factories import Floor
from tests.services.names import Names
from tests.services.receivers import Receiver, happen, listening, log_of, made

MEGABYTE = 1_000_000


async def post(url: str, *, names: Names | None = None) -> WebhookAnswer:
    """Send a message to an address that may lie on this computer."""
    sender = WebhookPosts(may_be_private=True) if names is None else WebhookPosts(may_be_private=True, resolve=names)
    return await sender.post(url, headers={"Content-Type": "application/json"}, body=b"{}")


def bomb(unpacked: int) -> bytes:
    """Return what fills that many bytes when somebody unpacks it."""
    packer = zlib.compressobj(1, wbits=31)
    parts = [packer.compress(bytes(MEGABYTE)) for _ in range(unpacked // MEGABYTE)]
    return b"".join([*parts, packer.flush()])


class TestNamesThatChange:
    async def test_lead_to_the_address_that_was_looked_at_and_to_no_other(self) -> None:
        async with listening("127.0.0.1") as first:
            port = urlsplit(first.url).port
            assert port is not None
            async with listening("127.0.0.2", port=port) as second:
                names = Names("127.0.0.1", "127.0.0.2")

                answer = await post(f"http://erp.example:{port}/", names=names)

                assert (answer.status, names.asked) == (200, 1)
                assert (len(first.heard), len(second.heard)) == (1, 0)
                assert first.heard[0][0]["Host"] == f"erp.example:{port}"


class TestAnswers:
    async def test_are_read_to_their_beginning_only(self, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)
        receiver.answer = b"\x00" + b"x" * 20 * MEGABYTE
        await happen(floor)
        await dispatch_events()

        await deliver_due()

        delivery = (await log_of(admin, hook))[0]
        assert (delivery.state, len(delivery.answer)) == (DeliveryState.DELIVERED, 500)

    @pytest.mark.parametrize("kind", ["bomb", "no gzip at all"])
    async def test_that_are_compressed_are_never_unpacked(self, kind: str, floor: Floor, receiver: Receiver) -> None:
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url)
        receiver.answer = bomb(200 * MEGABYTE) if kind == "bomb" else b"what nobody could ever unpack"
        receiver.headers = {"Content-Encoding": "gzip"}
        await happen(floor)
        await dispatch_events()

        await deliver_due()

        delivery = (await log_of(admin, hook))[0]
        assert (delivery.state, delivery.status, delivery.answer) == (DeliveryState.DELIVERED, 200, "")
        assert (delivery.reason, delivery.reason_values) == (DeliveryReason.ANSWER_ENCODED, {"encoding": "gzip"})
        assert receiver.heard[0][0]["Accept-Encoding"] == "identity"

    async def test_that_are_compressed_without_saying_so_are_cut_as_they_come(self, receiver: Receiver) -> None:
        receiver.answer = bomb(200 * MEGABYTE)

        answer = await post(receiver.url)

        assert (answer.status, answer.encoding) == (200, "")
        assert 0 < len(answer.beginning) <= BEGINNING

    async def test_count_by_their_status_also_where_the_rest_never_comes(self) -> None:
        began = asyncio.Event()

        async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\nbeginning")
            began.set()
            await reader.read()
            writer.close()

        async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            answer = await post(f"http://127.0.0.1:{port}/")

        assert began.is_set()
        assert (answer.status, answer.beginning) == (202, "beginning")
        assert len(answer.beginning) < BEGINNING


class TestReasons:
    async def test_tell_that_an_address_may_not_be_reached(self, floor: Floor, receiver: Receiver) -> None:
        use_webhooks(WebhookDoor.of("s" * 40, WebhookPosts(may_be_private=False), may_be_private=True))
        admin = floor.acting_as(Role.ADMIN)
        hook = await made(admin, receiver.url.replace("127.0.0.1", "localhost"))
        await happen(floor)
        await dispatch_events()

        await deliver_due()

        delivery = (await log_of(admin, hook))[0]
        assert (delivery.status, delivery.answer, receiver.heard) == (None, "", [])
        assert (delivery.reason, delivery.reason_values) == (DeliveryReason.ADDRESS_REFUSED, {"host": "localhost"})
        assert delivery.reason_text == "localhost has no address that may be reached from here."

    async def test_tell_a_name_that_is_not_known(self) -> None:
        with pytest.raises(WebhookNotReached) as error:
            await post("http://nowhere.invalid/")

        assert (error.value.reason, error.value.values) == (DeliveryReason.HOST_UNKNOWN, {"host": "nowhere.invalid"})

    async def test_tell_that_nobody_listens(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]

        with pytest.raises(WebhookNotReached) as error:
            await post(f"http://127.0.0.1:{port}/")

        assert error.value.reason is DeliveryReason.NOT_CONNECTED

    async def test_tell_that_a_receiver_hangs_up(self) -> None:
        def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
            with pytest.raises(WebhookNotReached) as error:
                await post(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")

        assert error.value.reason is DeliveryReason.NO_ANSWER

    async def test_tell_that_a_receiver_is_too_slow(self, monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
        monkeypatch.setattr("services.adapters.webhook_posts.WHOLE_S", 0.2)
        receiver.wait = asyncio.Event()

        with pytest.raises(WebhookNotReached) as error:
            await post(receiver.url)

        assert error.value.reason is DeliveryReason.NO_ANSWER_IN_TIME

    async def test_tell_a_certificate_that_nobody_vouches_for(self, tmp_path: Path) -> None:
        async with listening(certificate=own_certificate(tmp_path)) as receiver:
            with pytest.raises(WebhookNotReached) as error:
                await post(receiver.url)

            assert (error.value.reason, receiver.heard) == (DeliveryReason.CERTIFICATE_NOT_TRUSTED, [])


def own_certificate(folder: Path) -> ssl.SSLContext:
    """Return the certificate of a receiver that signed it itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "erp")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "receiver.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    file.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        [
            "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "::1",
            "::", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fe80::1", "fc00::1", "ff02::1", "224.0.0.1",
            "::127.0.0.1", "::10.0.0.1", "::ffff:0:127.0.0.1", "fec0::1", "192.0.0.192", "168.63.129.16",
            "fd00:ec2::254", "64:ff9b::7f00:1", "2002:7f00:1::", "255.255.255.255",
        ],
    )  # fmt: skip
    def test_of_the_inside_are_not_reached(self, address: str) -> None:
        assert not may_be_reached(address, may_be_private=False)

    @pytest.mark.parametrize("address", ["192.0.0.192", "169.254.169.254", "fd00:ec2::254", "::10.0.0.1"])
    def test_of_machines_secrets_never_are(self, address: str) -> None:
        assert not may_be_reached(address, may_be_private=True)

    @pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.1", "fd12::1"])
    def test_of_the_inside_are_where_the_installation_allows_it(self, address: str) -> None:
        assert may_be_reached(address, may_be_private=True)

    @pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111"])
    def test_of_the_outside_are(self, address: str) -> None:
        assert may_be_reached(address, may_be_private=False)

    @pytest.mark.parametrize(
        "url",
        [
            "", "x", "ftp://example.com", "http://example.com", "https://", "https://user:pw@example.com",
            "https://example.com/#x", "https://example.com:99999", "https://exa mple.com", "https://[::1",
            "javascript:alert(1)", "https://example.com/" + "x" * 3000, "https://example.com/\x00",
        ],
    )  # fmt: skip
    def test_must_be_addresses_that_can_be_sent_to(self, url: str) -> None:
        with pytest.raises(InvalidWebhookUrl):
            checked_url(url, may_be_plain=False)
