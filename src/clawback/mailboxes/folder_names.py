"""What kind of place a folder is, told by its name, and what the places only clawback sees are called.

Mail systems that know special-use attributes (RFC 6154) should trust those first; on a bare Maildir a
folder's name is all there is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable

from clawback.errors import CapabilityMissing
from clawback.message.delivery import DeliveryLocation

INBOX = "INBOX"
VAULT = (DeliveryLocation.SOFT_DELETED, DeliveryLocation.QUARANTINE)
"""Places that no owner sees. Their folders are called ``<place>/<folder the copy came from>``."""

# The first name of each place is the one to make when a mailbox has none.
_NAMES = {
    DeliveryLocation.JUNK: (
        "Junk|Spam|Junk E-mail|Junk Email|Junk Mail|Junk-E-Mail|Bulk|Bulk Mail|Unwanted|"
        "Unsolicited|probably-spam|Spamverdacht|Unerwünscht|Unerwünschte Werbung|"
        "Courrier indésirable|Indésirables|Pourriel|Pourriels|Correo no deseado|Correo basura|"
        "No deseado|Posta indesiderata|Indesiderata|Lixo Eletrônico|Lixo electrónico|"
        "Correio não solicitado|Ongewenste e-mail|Ongewenst|Skräppost|Skräp|Søppelpost|"
        "Uønsket e-post|Uønsket mail|Uønsket e-mail|Roskaposti|Wiadomości-śmieci|Niechciane|"
        "Nevyžádaná pošta|Nevyžiadaná pošta|Levélszemét|Mesaje nedorite|Нежелательная почта|Спам|"
        "Небажана пошта|Ανεπιθύμητη αλληλογραφία|Ανεπιθύμητα|Önemsiz|Önemsiz E-posta|Gereksiz|"
        "Gereksiz E-posta|迷惑メール|迷惑メールフォルダ|垃圾邮件|垃圾郵件|垃圾信件|정크 메일|스팸|"
        "스팸메일함|דואר זבל|البريد العشوائي|بريد غير هام|स्पैम|อีเมลขยะ|Thư rác|Sampah"
    ),
    DeliveryLocation.DELETED_ITEMS: (
        "Trash|Deleted Items|Deleted Messages|Deleted|Bin|Rubbish|Wastebasket|Papierkorb|Gelöscht|"
        "Gelöschte Elemente|Gelöschte Objekte|Gelöschte Nachrichten|Corbeille|Éléments supprimés|"
        "Messages supprimés|Papelera|Elementos eliminados|Eliminados|Cestino|Posta eliminata|"
        "Elementi eliminati|Lixeira|Lixo|Itens Excluídos|Itens eliminados|Prullenbak|"
        "Verwijderde items|Verwijderde berichten|Papperskorgen|Papperskorg|Borttaget|"
        "Borttagna objekt|Slettet|Slettede elementer|Slettet post|Slettede meddelelser|Papirkurv|"
        "Søppel|Poistetut|Roskakori|Kosz|Elementy usunięte|Usunięte|Koš|Odstraněná pošta|"
        "Odstránené|Kôš|Kuka|Törölt elemek|Törölt|Coș de gunoi|Elemente șterse|Удаленные|Удалённые|"
        "Корзина|Кошик|Видалені|Διαγραμμένα|Κάδος απορριμμάτων|Çöp|Çöp Kutusu|Silinmiş Öğeler|"
        "ゴミ箱|ごみ箱|削除済みアイテム|已删除邮件|已删除|废件箱|刪除的郵件|垃圾桶|휴지통|"
        "지운 편지함|אשפה|פריטים שנמחקו|المهملات|العناصر المحذوفة|ट्रैश|ถังขยะ|Thùng rác|"
        "Tong Sampah"
    ),
    DeliveryLocation.SENT: (
        "Sent|Sent Items|Sent Mail|Sent Messages|Sent-Mail|Gesendet|Gesendete Elemente|"
        "Gesendete Objekte|Gesendete Nachrichten|Envoyés|Éléments envoyés|Messages envoyés|"
        "Enviados|Elementos enviados|Posta inviata|Inviata|Inviati|Itens Enviados|"
        "Mensagens enviadas|Verzonden|Verzonden items|Verzonden berichten|Skickat|Skickade|"
        "Skickade objekt|Sendt|Sendte elementer|Sendt post|Lähetetyt|Wysłane|Elementy wysłane|"
        "Odeslané|Odeslaná pošta|Odoslané|Elküldött|Elküldött elemek|Trimise|Elemente trimise|"
        "Отправленные|Надіслані|Απεσταλμένα|Gönderilmiş|Gönderilmiş Öğeler|Gönderilen|送信済み|"
        "送信済みアイテム|送信済みトレイ|已发送|已发送邮件|寄件備份|已傳送的郵件|보낸 편지함|"
        "보낸메일함|נשלח|דואר שנשלח|المرسل|العناصر المرسلة|भेजे गए|ส่งแล้ว|Đã gửi|Terkirim"
    ),
}
_ROOTS = frozenset({"inbox", "[gmail]", "[google mail]"})


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


_KINDS = {_plain(name): place for place, names in _NAMES.items() for name in names.split("|")}
_RANK = {name: rank for rank, name in enumerate(_KINDS)}


def location_of(folder: str) -> DeliveryLocation:
    """What kind of place a folder (levels parted by ``/``) is: ``INBOX/Spam`` and ``Spam/old`` are junk."""
    if folder == INBOX:
        return DeliveryLocation.INBOX
    vault = split_vault(folder)
    if vault:
        return vault[0]
    return _KINDS.get(_deciding_level(folder), DeliveryLocation.OTHER_FOLDER)


def _deciding_level(folder: str) -> str:
    levels = [_plain(level) for level in folder.split("/")]
    return levels[1] if len(levels) > 1 and levels[0] in _ROOTS else levels[0]


def vault_folder(place: DeliveryLocation, origin: str) -> str:
    """The name of a vault's folder for copies from `origin`, which may lie in the vault already."""
    inside = split_vault(origin)
    return f"{place.value}/{inside[1] if inside else origin}"


def split_vault(folder: str) -> tuple[DeliveryLocation, str] | None:
    """The place and the folder of origin, when the name is that of a vault's folder."""
    for place in VAULT:
        if folder.startswith(f"{place.value}/"):
            return place, folder[len(place.value) + 1 :]
    return None


def folder_for(place: DeliveryLocation, origin: str, existing: Iterable[str]) -> str:
    """The folder that is `place` for a copy in `origin`; an existing one before one to be made.

    Raises CapabilityMissing for places that are no folder.
    """
    if place in VAULT:
        return vault_folder(place, origin)
    if place is DeliveryLocation.INBOX:
        return INBOX
    if place not in _NAMES:
        raise CapabilityMissing(f"a mailbox has no folder for {place.value}")
    return _best(place, [f for f in existing if location_of(f) is place]) or _NAMES[place].partition("|")[0]


def _best(place: DeliveryLocation, folders: Collection[str]) -> str:
    """The highest of several folders, then the one with the most usual name."""

    def order(folder: str) -> tuple[int, int, str]:
        return folder.count("/"), _RANK.get(_deciding_level(folder), len(_RANK)), folder

    return min(folders, key=order, default="")
