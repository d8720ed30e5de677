"""Where requests to typed-in addresses may go."""

from collections.abc import Mapping

import httpx2
import pytest

from services.adapters.guarded_http import (
    LARGEST_ANSWER_BYTES,
    AddressRefused,
    AnswerTooLarge,
    GuardedTransport,
    may_be_reached,
)
from tests.openid_provider import running_provider
from tests.services.names import Names

PUBLIC = "93.184.216.34"


class TestAddresses:
    @pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1"])
    def test_of_the_public_network_may_be_reached(self, address: str) -> None:
        assert may_be_reached(address, may_be_private=False)

    @pytest.mark.parametrize(
        "address", ["127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "::1", "fc00::1", "::ffff:127.0.0.1"]
    )
    def test_of_private_networks_need_the_setting(self, address: str) -> None:
        assert not may_be_reached(address, may_be_private=False)
        assert may_be_reached(address, may_be_private=True)

    @pytest.mark.parametrize(
        "address",
        ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1%eth0", "0.0.0.1", "::", "224.0.0.1", "ff02::1"],
    )
    def test_that_configure_machines_are_never_reached(self, address: str) -> None:
        assert not may_be_reached(address, may_be_private=True)


class TestGuardedTransport:
    async def test_connects_to_nothing_private_whatever_its_name_says(self) -> None:
        with running_provider() as provider:
            for host in ("127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "[::ffff:7f00:1]"):
                address = provider.issuer.replace("127.0.0.1", host)
                async with httpx2.AsyncClient(transport=GuardedTransport(may_be_private=False)) as client:
                    with pytest.raises((httpx2.ConnectError, httpx2.InvalidURL)):
                        await client.get(address)
            assert provider.asked == ["/oauth2/clients"]

    async def test_breaks_off_what_is_too_large(self) -> None:
        with running_provider() as provider:
            provider.filler = b"x" * (LARGEST_ANSWER_BYTES + 1)
            async with httpx2.AsyncClient(transport=GuardedTransport(may_be_private=True)) as client:
                with pytest.raises(AnswerTooLarge):
                    await client.get(f"{provider.issuer}/jwks")

    async def test_says_that_an_unknown_host_is_away(self) -> None:
        async with httpx2.AsyncClient(transport=GuardedTransport(may_be_private=True)) as client:
            with pytest.raises(httpx2.ConnectError):
                await client.get("https://nowhere.invalid/")

    async def test_follows_no_name_that_leads_inside_after_it_was_seen_outside(self) -> None:
        names, connected = Names(PUBLIC, "127.0.0.1"), list[str]()

        async def stop_before_connecting(event: str, info: Mapping[str, object]) -> None:
            if event == "connection.connect_tcp.started":
                connected.append(str(info["host"]))
                raise httpx2.ConnectError("nothing leaves this computer")

        transport = GuardedTransport(may_be_private=False, resolve=names)
        with running_provider() as provider:
            inside = list(provider.asked)
            url = provider.issuer.replace("127.0.0.1", "provider.example")
            async with httpx2.AsyncClient(transport=transport) as client:
                with pytest.raises(httpx2.ConnectError, match="nothing leaves"):
                    await client.get(url, extensions={"trace": stop_before_connecting})
                asked_once = names.asked
                with pytest.raises(AddressRefused):
                    await client.get(url, extensions={"trace": stop_before_connecting})

            assert (asked_once, connected, provider.asked) == (1, [PUBLIC], inside)
